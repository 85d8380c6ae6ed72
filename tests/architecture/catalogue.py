"""
The Chinese catalogue: `python -m tests.architecture.catalogue` (`make messages`) brings it up to date.

Messages are extracted from Python and from templates with Babel, so that no system gettext is needed, merged into
locale/zh_Hans/LC_MESSAGES/django.po, and compiled beside it. English is the source and needs no catalogue.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation import templatize

ROOT = Path(__file__).resolve().parents[2]
PO = ROOT / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
MO = PO.with_suffix(".mo")
LOCALE = "zh_Hans"
# A date that does not move: two branches that add messages must not conflict over a header.
NEVER = datetime(2026, 1, 1, tzinfo=UTC)
SKIPPED = {".venv", "var", "tests", "bench", "migrations", "node_modules"}
KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
}


def sources() -> Iterator[tuple[str, bytes]]:
    """Every file that may hold messages: its path and its text as Python that Babel reads."""
    for path in sorted(
        [*ROOT.rglob("*.py"), *(ROOT / "templates").rglob("*.html"), *ROOT.glob("templates/**/*.txt")]
    ):
        name = path.relative_to(ROOT)
        if SKIPPED & set(name.parts):
            continue
        text = path.read_text()
        yield name.as_posix(), (text if path.suffix == ".py" else _as_python(text, str(name))).encode()


def _as_python(template: str, origin: str) -> str:
    # Unindented: how a template is indented means nothing, and need not be indentation that Python accepts.
    return "\n".join(line.lstrip() for line in templatize(template, origin=origin).splitlines())


def extracted() -> Catalog:
    """The messages that the code holds today."""
    found = Catalog(project="CreditBox", charset="utf-8")
    for name, text in sources():
        for _line, message, comments, context in extract(
            "python", BytesIO(text), KEYWORDS, ("Translators:",)
        ):
            # Files without line numbers: a catalogue that changes with every edit is a catalogue full of conflicts.
            found.add(message, locations=[(name, 0)], auto_comments=comments, context=context)
    return found


def _texts(name: str, text: bytes) -> Iterator[tuple[str, str]]:
    """Each text that a file has translated, and where: as Python sees the calls, by any name and inside f-strings too."""
    tree = ast.parse(text)
    called = {
        each.asname or each.name: each.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for each in node.names
        if each.name in KEYWORDS
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in called:
            # After the context, where there is one.
            message = node.args["pgettext" in called[node.func.id]]
            if isinstance(message, ast.Constant):
                yield f"{name}:{node.lineno}", str(message.value)


def overlooked(code: Catalog) -> Iterator[str]:
    """Texts that are translated in a way that Babel does not see, so that they would stay English."""
    known = {
        message.id[0] if isinstance(message.id, list | tuple) else message.id
        for message in code
        if message.id
    }
    for name, text in sources():
        for where, message in _texts(name, text) if name.endswith(".py") else ():
            if message not in known:
                yield f"{where}: {message!r} is not found: call gettext by its own name or _, outside of an f-string"


def kept() -> Catalog:
    """The catalogue as it is on disk."""
    if not PO.exists():
        return Catalog(locale=LOCALE, project="CreditBox", charset="utf-8")
    with PO.open("rb") as file:
        return read_po(file, locale=LOCALE)


def is_translated(message: Message) -> bool:
    """Whether every form of a message has a translation that nobody called doubtful."""
    forms = message.string if isinstance(message.string, list | tuple) else [message.string]
    return not message.fuzzy and all(forms)


def compiled(catalogue: Catalog) -> bytes:
    """The .mo of a catalogue: untranslated and fuzzy messages stay out."""
    binary = BytesIO()
    write_mo(binary, catalogue)
    return binary.getvalue()


def complaints() -> list[str]:
    """What keeps a page from being Chinese throughout."""
    catalogue, code = kept(), extracted()
    found = list(overlooked(code))
    for message in code:
        if message.id and (known := catalogue.get(message.id, message.context)) is None:
            found.append(f"{message.locations[0][0]}: no Chinese for {message.id!r}")
        elif message.id and known is not None and not is_translated(known):
            found.append(f"{message.locations[0][0]}: the Chinese for {message.id!r} is empty or fuzzy")
    found += [
        f"{PO.name}: {message.id!r} is in no file any more"
        for message in catalogue
        if message.id and code.get(message.id, message.context) is None
    ]
    if not MO.exists() or MO.read_bytes() != compiled(catalogue):
        found.append(f"{MO.name} is not the compiled {PO.name}")
    return [f"{line} (make messages)" for line in found]


def update() -> list[str]:
    """Merges the code's messages into the catalogue, compiles it, and says what is left to translate."""
    catalogue, code = kept(), extracted()
    # No guessing: a new message is untranslated, not fuzzy, and what the code no longer says is dropped.
    catalogue.update(code, no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    catalogue.header_comment = "# Simplified Chinese for CreditBox: translate here, then `make messages`."
    catalogue.version, catalogue.fuzzy = "1", False
    catalogue.msgid_bugs_address = catalogue.last_translator = catalogue.language_team = "CreditBox"
    catalogue.creation_date = catalogue.revision_date = NEVER
    PO.parent.mkdir(parents=True, exist_ok=True)
    with PO.open("wb") as file:
        write_po(file, catalogue, width=110, sort_by_file=True, include_lineno=False, ignore_obsolete=True)
    MO.write_bytes(compiled(kept()))
    return complaints()


if __name__ == "__main__":
    lines = update()
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.exit(1 if lines else 0)
