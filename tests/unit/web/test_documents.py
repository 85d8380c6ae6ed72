"""Documents: the same file each time, in both languages, whatever stands in them."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import time
from datetime import date
from decimal import Decimal

import pypdfium2
import pytest
from django.utils.translation import gettext_lazy as _
from hypothesis import given
from hypothesis import strategies as st

from web.documents import render
from web.documents.content import (
    Column,
    Document,
    ExactMoney,
    Fact,
    Facts,
    Figure,
    Issuer,
    Line,
    Money,
    Paragraph,
    Rate,
    Section,
    Sum,
    Table,
    phrase,
)
from web.documents.typeface import Measure, plain

ON = date(2026, 7, 1)


def a_document(*, shop: str = "晨光便利店", rows: int = 3) -> Document:
    return Document(
        title=phrase(_("Statement of %(on)s"), on=ON),
        reference="S-20260701-7",
        issuer=Issuer("CreditBox", ("95188",)),
        parties=(Fact(_("name"), "王小明"), Fact(_("statement date"), ON)),
        figures=(Figure(_("Total"), Money(1_234_56), strong=True), Figure(_("Minimum"), Money(123_45))),
        parts=(
            Section(_("Purchases"), note="2026"),
            Table(
                (Column(_("date")), Column(_("shop"), 4), Column(_("amount"), is_figure=True)),
                tuple((ON, f"{shop} {number}", Money(number * 100)) for number in range(1, rows + 1)),
                total=("", _("Total"), Money(-5)),
            ),
            Table((Column(_("date")),), (), empty="none at all"),
            Sum(
                (Line(_("Interest"), ExactMoney(Decimal("945.5"))), Line(_("Total"), Money(0), is_total=True))
            ),
            Facts((Fact("rate", Rate(Decimal("0.1825"))),)),
            Paragraph("first clause " * 40, number="1.1"),
            Paragraph("small print", soft=True),
        ),
        footer="the footer",
    )


def pages_of(file: bytes) -> list[str]:
    """The text of each page, as a reader that knows nothing of us finds it."""
    return [
        page.get_textpage().get_text_bounded().replace("\r\n", "\n") for page in pypdfium2.PdfDocument(file)
    ]


def text_of(file: bytes) -> str:
    return "\n".join(pages_of(file))


def test_the_same_description_is_the_same_file() -> None:
    assert render(a_document(), language="en") == render(a_document(), language="en")
    assert render(a_document(), language="en") != render(a_document(), language="zh-hans")
    assert render(a_document(), language="en") != render(a_document(shop="晨光书店"), language="en")


def test_another_process_on_another_day_makes_the_same_file() -> None:
    program = (
        "import django, hashlib; django.setup()\n"
        "import time; real = time.time; time.time = lambda: real() + 86400 * 400\n"
        "from tests.unit.web.test_documents import a_document\n"
        "from web.documents import render\n"
        "print(hashlib.sha256(render(a_document(), language='zh-hans')).hexdigest())\n"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"DJANGO_SETTINGS_MODULE": "config.settings.test", "PYTHONHASHSEED": seed, "TZ": zone},
            capture_output=True,
            check=True,
            text=True,
        ).stdout.strip()
        for seed, zone in (("1", "UTC"), ("2", "Asia/Shanghai"))
    }
    assert printed == {hashlib.sha256(render(a_document(), language="zh-hans")).hexdigest()}


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ("Statement of July 1, 2026", "Purchases", "Page 1 of 1", "Total")),
        ("zh-hans", ("2026年7月1日", "消费", "第 1 页，共 1 页", "合计")),
    ],
)
def test_texts_dates_and_labels_are_in_the_language(language: str, said: tuple[str, ...]) -> None:
    file = render(a_document(), language=language)
    text = text_of(file)
    for words in (
        *said,
        "王小明",
        "晨光便利店 3",
        "¥1,234.56",
        "−¥0.05",
        "¥9.455",
        "18.25%",
        "2026-07-01",
        "none at all",
    ):
        assert words in text
    assert {"en": b"/Lang (en)", "zh-hans": b"/Lang (zh-Hans)"}[language] in file
    assert set(re.findall(rb"/BaseFont /(\S+)", file)) == {b"MPDFAA+NotoSansSC"}


def test_a_long_table_goes_on_under_its_headings_on_numbered_pages() -> None:
    began = time.monotonic()
    file = render(a_document(rows=200), language="en")
    assert time.monotonic() - began < 10, "half a second where nothing else runs"
    assert len(file) < 60_000
    pages = pages_of(file)
    assert len(pages) > 4
    rows = [int(number) for page in pages for number in re.findall(r"晨光便利店 (\d+) ¥", page)]
    assert rows == list(range(1, 201)), "each row once, in their order"
    for number, page in enumerate(pages, start=1):
        assert f"Page {number} of {len(pages)}" in page
        assert "S-20260701-7" in page
        assert "the footer" in page
        assert page.count("Amount") == ("晨光便利店" in page), "its headings where the table is, once"


def test_nothing_is_drawn_beyond_the_margins() -> None:
    file = render(
        a_document(rows=60, shop="一家名字很长很长的店（南京东路步行街第一百货商店分店）" * 4),
        language="zh-hans",
    )
    for page in pypdfium2.PdfDocument(file):
        text = page.get_textpage()
        for number in range(text.count_rects()):
            left, bottom, right, top = text.get_rect(number)
            assert left >= 50
            assert bottom >= 20
            assert right <= 595 - 50
            assert top <= 842 - 25


@pytest.mark.parametrize(
    ("given_text", "drawn"),
    [
        ("ok\u202egnp.exe", "okgnp.exe"),
        ("a\u200bb\x00c\x1b[31m", "abc[31m"),
        ("  two\n\tlines ", "two lines"),
        ("店😀𠮷", "店□□"),
        ("cafe\u0301", "café"),
        ("مرحبا", "□□□□□"),
        ("(\\)", "(\\)"),
        ("", ""),
    ],
)
def test_strange_characters_are_drawn_as_what_they_are_or_as_boxes(given_text: str, drawn: str) -> None:
    known = {*range(0x20, 0x7F), ord("店"), ord("é"), ord("□")}
    assert plain(given_text, known) == drawn


def test_a_document_of_strange_characters_is_made(caplog: pytest.LogCaptureFixture) -> None:
    text = text_of(render(a_document(shop="(a) \\ %s %(on)s \u202e😀 <b>店</b> {nb}"), language="en"))
    assert "(a) \\ %s %(on)s □ <b>店</b> {nb} 1" in text
    assert caplog.records == []


def test_quotation_marks_are_narrow_but_in_chinese() -> None:
    assert '"Jing\'an" 1' in text_of(render(a_document(shop="“Jing’an”"), language="en"))
    assert "“静安” 1" in text_of(render(a_document(shop="“静安”"), language="zh-hans"))


WIDTHS = {char: 1000.0 if char > 0x2000 else 500.0 for char in range(0x11000)}


@given(st.text(alphabet="ab ，。（）中文12", max_size=60), st.integers(2, 20))
def test_lines_fit_and_lose_nothing(text: str, width: int) -> None:
    measure = Measure(WIDTHS)
    text = plain(text, set(WIDTHS))
    lines = measure.lines(text, 1, width)
    assert all(measure.width(line, 1) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_a_line_begins_with_no_closing_punctuation_and_words_stay_whole() -> None:
    measure = Measure(WIDTHS)
    assert measure.lines("到期日前，还款", 1, 4) == ["到期日", "前，还款"]
    assert measure.lines("本金（一）", 1, 3) == ["本金", "（一）"]
    assert measure.lines("pay the bill", 1, 4) == ["pay the", "bill"]
    assert measure.lines("还ab款cd", 1, 2.5) == ["还ab", "款cd"]
    assert measure.lines("", 1, 3) == [""]


def test_a_row_that_does_not_fit_its_columns_is_refused() -> None:
    with pytest.raises(ValueError, match="2 columns, and a row of 1"):
        Table((Column("a"), Column("b")), (("x",),))
