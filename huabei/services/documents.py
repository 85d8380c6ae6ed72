"""
Statements as documents: made once per language, kept, and handed out as they were made.

Making one takes about half a second of computing and needs no lock: who makes the same one at the same time makes the same
file, and the first one stored is everybody's.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from datetime import date

from django.conf import settings

from huabei.models import Statement, StatementDocument
from huabei.statement_document import describe
from ledger.sql import fetch_all
from web.documents import TEMPLATE_VERSION, render

log = logging.getLogger(__name__)

LANGUAGES: tuple[str, ...] = tuple(code for code, _name in settings.LANGUAGES)


class DocumentBroken(RuntimeError):
    """What is stored is not what was made: its hash is another."""


def document_of(*, statement: Statement, language: str) -> StatementDocument:
    """A statement's document in one of the site's languages, made now if nobody had it before. Error: DocumentBroken."""
    assert language in LANGUAGES
    kept = StatementDocument.objects.filter(statement=statement, language=language).first()
    document = kept or _made(statement, language)
    if hashlib.sha256(document.content).digest() != bytes(document.sha256):
        raise DocumentBroken(f"the document of statement {statement.pk} in {language}")
    return document


def _made(statement: Statement, language: str) -> StatementDocument:
    content = render(describe(statement), language=language)
    StatementDocument.objects.bulk_create(
        [
            StatementDocument(
                statement=statement,
                language=language,
                sha256=hashlib.sha256(content).digest(),
                size=len(content),
                template_version=TEMPLATE_VERSION,
                content=content,
            )
        ],
        ignore_conflicts=True,
    )
    return StatementDocument.objects.get(statement=statement, language=language)


@dataclass(slots=True)
class Making:
    """How many documents were made, and could not be."""

    made: int = 0
    failed: int = 0


# The newest first: they are what people open.
_MISSING = """
SELECT statement.id, wanted.language
FROM huabei_statement AS statement CROSS JOIN unnest(%(languages)s::text[]) WITH ORDINALITY AS wanted (language, place)
WHERE statement.issued_on >= %(since)s
  AND NOT EXISTS (SELECT FROM huabei_statementdocument AS document
                  WHERE document.statement_id = statement.id AND document.language = wanted.language)
ORDER BY statement.issued_on DESC, statement.id, wanted.place LIMIT %(most)s
"""


def make_missing_documents(*, since: date, most: int) -> Making:
    """
    Makes what is missing of the statements issued from `since` on, at most so many. Older ones are made when they are opened.

    One that cannot be made is logged and stops no other.
    """
    done = Making()
    missing = fetch_all(_MISSING, {"languages": list(LANGUAGES), "since": since, "most": most})
    statements = Statement.objects.select_related("line__customer").in_bulk({row[0] for row in missing})
    for statement_id, language in missing:
        try:
            document_of(statement=statements[statement_id], language=language)
            done.made += 1
        except Exception:
            log.exception("no document of statement %s in %s", statement_id, language)
            done.failed += 1
    return done
