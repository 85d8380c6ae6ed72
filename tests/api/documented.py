"""A client that looks up every answer of the API in the OpenAPI document: one that is not there fails the test."""

from __future__ import annotations

import re
from typing import Any

from django.test import Client

from web.api.problems import CONTENT_TYPE
from web.api.reference import document

# What any address may answer whoever asks for nothing that it has, so that no operation can say it.
OF_NO_OPERATION = {"method_not_allowed", "no_such_endpoint"}


class DocumentedClient(Client):
    """AssertionError where an operation answers what the document does not say of it: the status, and a problem's code."""

    def request(self, **request: Any) -> Any:
        """Sends it."""
        answer = super().request(**request)
        problem = undocumented(str(request["REQUEST_METHOD"]).lower().replace("head", "get"), answer)
        assert not problem, problem
        return answer


def undocumented(method: str, answer: Any) -> str:
    """What of an answer its operation does not say, in a sentence; empty where the document has it."""
    is_problem = answer.headers.get("Content-Type") == CONTENT_TYPE
    code = answer.json()["code"] if is_problem else ""
    if code in OF_NO_OPERATION:
        return ""
    path = _path(answer)
    said = document()["paths"].get(path, {}).get(method)
    if said is None:
        return f"{method.upper()} {path} answers {answer.status_code} {code} and is no operation"
    described = said["responses"].get(str(answer.status_code))
    if described is None:
        return f"{said['operationId']} does not say that it answers {answer.status_code} {code}"
    if is_problem and f"`{code}`" not in described["description"]:
        return f"{said['operationId']} does not say that its {answer.status_code} may be {code}"
    return ""


def _path(answer: Any) -> str:
    """The address as the document writes it: `/api/v1/lines/{line_uuid}/`."""
    route = answer.resolver_match.route if answer.resolver_match else answer.request["PATH_INFO"]
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route).lstrip("/")
