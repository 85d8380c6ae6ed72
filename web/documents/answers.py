"""Documents as answers to requests."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.translation import get_language

CONTENT_TYPE = "application/pdf"


def language_of(asked: str | None) -> str:
    """The language asked for, if the site has it; or the one that the reader has."""
    languages = [code for code, _name in settings.LANGUAGES]
    for wanted in (asked, get_language()):
        if wanted in languages:
            return wanted
    return str(settings.LANGUAGE_CODE)


def file_answer(request: HttpRequest, *, content: bytes, sha256: bytes, name: str) -> HttpResponseBase:
    """The file, to be saved under this name; its hash is its ETag, and who has it already is not sent it again."""
    etag = f'"{sha256.hex()}"'
    answer = HttpResponse(content, content_type=CONTENT_TYPE)
    answer["Content-Disposition"] = f'attachment; filename="{name}.pdf"'
    answer["ETag"] = etag
    return get_conditional_response(request, etag=etag, response=answer) or answer
