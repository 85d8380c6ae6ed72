"""Every message a person can see is there in Chinese, and the compiled catalogue is the one in the tree."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel.messages.catalog import Catalog

from tests.architecture import catalogue


def test_every_message_has_a_chinese_translation_and_the_catalogue_is_compiled() -> None:
    assert catalogue.complaints() == []


def written(folder: Path, monkeypatch: pytest.MonkeyPatch, po: str) -> None:
    """Puts a catalogue of one message of the code into a folder, compiled, as the one on disk."""
    code = Catalog()
    code.add("Sign in", locations=[("login.html", 0)])
    monkeypatch.setattr(catalogue, "extracted", lambda: code)
    monkeypatch.setattr(catalogue, "sources", list)
    monkeypatch.setattr(catalogue, "PO", folder / "django.po")
    monkeypatch.setattr(catalogue, "MO", folder / "django.mo")
    (folder / "django.po").write_text(
        f'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n{po}'
    )
    (folder / "django.mo").write_bytes(catalogue.compiled(catalogue.kept()))


@pytest.mark.parametrize(
    ("po", "complaint"),
    [
        ('msgid "Sign in"\nmsgstr "登录"\n', None),
        ("", "no Chinese"),
        ('msgid "Sign in"\nmsgstr ""\n', "empty or fuzzy"),
        ('#, fuzzy\nmsgid "Sign in"\nmsgstr "登录"\n', "empty or fuzzy"),
        ('msgid "Sign in"\nmsgstr "登录"\n\nmsgid "Sign up"\nmsgstr "注册"\n', "in no file any more"),
    ],
)
def test_what_is_complained_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, po: str, complaint: str | None
) -> None:
    written(tmp_path, monkeypatch, po)
    found = catalogue.complaints()
    assert (complaint is None) == (found == [])
    assert complaint is None or complaint in found[0]


def test_a_stale_compiled_catalogue_is_complained_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, monkeypatch, 'msgid "Sign in"\nmsgstr "登录"\n')
    (tmp_path / "django.mo").write_bytes(b"")
    assert "is not the compiled" in catalogue.complaints()[0]


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ("from django.utils.translation import gettext as _\n_('Sign in')", []),
        ("from django.utils.translation import gettext\ngettext('Sign in')", []),
        ("from django.utils.translation import gettext as _now\n_now('Sign in')", [2]),
        ("from django.utils.translation import gettext as _\n\nf'{_(\"Sign in\")}!'", [3]),
        ("from django.utils.translation import pgettext as said\nsaid('form', 'Sign in')", [2]),
        ("from elsewhere import told as _now\n_now('Sign in')", []),
    ],
)
def test_what_the_extractor_overlooks_is_complained_of(
    monkeypatch: pytest.MonkeyPatch, code: str, lines: list[int]
) -> None:
    monkeypatch.setattr(catalogue, "sources", lambda: [("a.py", code.encode())])
    found = list(catalogue.overlooked(catalogue.extracted()))
    assert [line.split(":")[1] for line in found] == [str(line) for line in lines]
