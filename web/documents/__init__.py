"""
Documents: a description of what one says (`content`), made into a PDF in a language.

    pdf = render(document, language="zh-hans")

The same description in the same language is the same file, byte for byte, as long as this code and the libraries that it
locks are the same: nothing of the clock, the process or chance goes into it. A document that somebody may rely on is kept,
with its hash, when it is first made (docs/adr/0031).
"""

from __future__ import annotations

from django.utils import translation

from web.documents.content import Document

# Counts how documents look: whoever keeps one, keeps this with it.
TEMPLATE_VERSION = 1


def render(document: Document, *, language: str) -> bytes:
    """The document as a PDF: A4, the font embedded, the number of pages on each."""
    # Half a second of imports that whoever makes no document need not wait for.
    from web.documents.layout import Layout
    from web.documents.sheet import Sheets
    from web.documents.words import words

    with translation.override(language):
        sheets = Sheets(
            title=words(document.title), author=words(document.issuer.name), language=_tag(language)
        )
        Layout(document, sheets).lay()
        return sheets.file()


def _tag(language: str) -> str:
    """The language as PDF readers know it: `zh-Hans`."""
    name, _dash, script = language.partition("-")
    return f"{name}-{script.title()}" if script else name
