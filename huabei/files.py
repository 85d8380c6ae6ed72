"""Statements as files: what pages, console and API answer with."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from huabei.models import Statement
from huabei.services.documents import document_of
from web.documents.answers import file_answer, language_of


def document_answer(request: HttpRequest, statement: Statement, language: str | None) -> HttpResponseBase:
    """A statement's document in a language, or in the reader's."""
    document = document_of(statement=statement, language=language_of(language))
    return file_answer(
        request,
        content=bytes(document.content),
        sha256=bytes(document.sha256),
        name=f"statement-{statement.issued_on}-{document.language}",
    )
