"""The proof of documents: each is the file that was made."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from huabei.models import StatementDocument
from ledger.audit import Check, guards

_FILES = """
SELECT 'huabei_statementdocument', id::text, format('%%s, %%s bytes', encode(sha256(content), 'hex'), length(content)),
       format('%%s, %%s bytes', encode(sha256, 'hex'), size)
FROM huabei_statementdocument WHERE (sha256(content), length(content)) <> (sha256, size)
"""

DOCUMENTS = (
    Check(
        "line_documents",
        _("A statement's document is the file that was made: its hash and size are those stored with it."),
        "huabei_statementdocument",
        _FILES,
    ),
    guards(
        "line_document_guards",
        models=(StatementDocument,),
        facts=(StatementDocument,),
        triggers=(
            "huabei_statementdocument_is_append_only",
            "huabei_statementdocument_is_not_truncated",
        ),
    ),
)
