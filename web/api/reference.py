"""The OpenAPI document, and a page for people made from it: no script, nothing from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.http import require_GET
from drf_spectacular.generators import SchemaGenerator

from web.access import public_page


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document, made once in each process. In English, as its source is."""
    with translation.override("en"):
        made = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
        # Whatever was lazy is settled now.
        plain: dict[str, Any] = json.loads(json.dumps(made, default=str))
        return plain


@public_page
@require_GET
def schema(request: HttpRequest) -> HttpResponse:
    """The document as JSON."""
    return HttpResponse(
        json.dumps(document(), ensure_ascii=False), content_type="application/vnd.oai.openapi+json"
    )


@public_page
@require_GET
def docs(request: HttpRequest) -> HttpResponse:
    """The document as a page."""
    tags: dict[str, list[dict[str, Any]]] = {}
    for each in _operations():
        tags.setdefault(each["tag"], []).append(each)
    context = {"tags": list(tags.items()), "info": document()["info"]}
    return render(request, "web/api_docs.html", context)


def _operations() -> Iterator[dict[str, Any]]:
    for path, methods in document()["paths"].items():
        for method, said in methods.items():
            body = said.get("requestBody", {}).get("content", {}).get("application/json", {})
            answers = [
                {"status": status, "description": answer["description"], "example": _example(answer)}
                for status, answer in said["responses"].items()
            ]
            yield {
                "method": method.upper(),
                "path": path,
                "id": said["operationId"],
                "tag": said["tags"][0],
                "summary": said["summary"],
                "paragraphs": said["description"].split("\n\n"),
                "parameters": said.get("parameters", []),
                "body": _shown(body),
                "answers": answers,
            }


def _example(answer: dict[str, Any]) -> str:
    return _shown(answer.get("content", {}).get("application/json", {}))


def _shown(content: dict[str, Any]) -> str:
    for example in content.get("examples", {}).values():
        return json.dumps(example["value"], ensure_ascii=False, indent=2)
    return ""
