"""Importing another lender's card histories: all or nothing, once, and a bad file is named by line and column."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from creditscore.card_histories import COLUMNS, BadHistoryFile, CardHistory, HistoryFile
from creditscore.models import AccountMonth, Outcome, ProtectedAttributes
from creditscore.services import import_histories as service
from creditscore.services.import_histories import ImportRefused, import_histories
from customers.models import Customer
from customers.selectors import find_by_national_id
from finance.dates import add_months
from huabei.policy import age_on

pytestmark = pytest.mark.django_db

# ID, limit, sex, education, marriage, age | six statuses | six statements | six payments | defaulted; newest month first
FIRST = "7,20000,2,2,1,24,2,2,-1,-1,-2,-2,3913,3102,689,0,0,0,0,689,0,0,0,0,1"
SECOND = "8,1e+05,1,1,2,79,0,0,0,0,0,0,-29239,14027,13559,14331,14948,15549,1518,1500,1000,1000,1000,5000,0"
HEADER = ",".join(COLUMNS)
GOOD = f"{HEADER}\n{FIRST}\n{SECOND}\n"


@pytest.fixture
def history(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file of histories and gives its path."""

    def write(content: str | bytes = GOOD, name: str = "histories.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def recorded() -> tuple[int, ...]:
    """Rows of every table that an import writes."""
    return tuple(model.objects.count() for model in (Customer, AccountMonth, Outcome, ProtectedAttributes))


def changed(line: str, **columns: str) -> str:
    """A data line with some columns' text replaced; the label's name has dots, so it is called `label` here."""
    fields = line.split(",")
    for name, text in columns.items():
        fields[COLUMNS.index("default.payment.next.month" if name == "label" else name)] = text
    return ",".join(fields)


def test_a_row_becomes_a_customer_with_six_months_an_outcome_and_protected_attributes(
    history: Callable[..., Path],
) -> None:
    imported = import_histories(file=history())
    assert (imported.people, imported.new_people, imported.new_account_months, imported.defaulted) == (
        2,
        2,
        12,
        1,
    )
    customer = find_by_national_id(imported.first_national_id)
    assert customer is not None
    assert customer.full_name == "客户 000007"
    assert age_on(customer.born_on, date(2005, 9, 30)) == 24
    assert customer.identity_verified_on == customer.registered_on == date(2005, 10, 1)
    months = AccountMonth.objects.filter(customer_id=customer.id).order_by("-month")
    assert list(months.values_list("month", "limit_fen", "statement_fen", "paid_fen", "months_late")) == [
        (date(2005, 9, 1), 2_000_000, 391_300, 0, 2),
        (date(2005, 8, 1), 2_000_000, 310_200, 68_900, 2),
        (date(2005, 7, 1), 2_000_000, 68_900, 0, -1),
        (date(2005, 6, 1), 2_000_000, 0, 0, -1),
        (date(2005, 5, 1), 2_000_000, 0, 0, -2),
        (date(2005, 4, 1), 2_000_000, 0, 0, -2),
    ]
    # Known from the first instant of the next month in Shanghai.
    assert months[0].known_at == datetime(2005, 9, 30, 16, tzinfo=UTC)
    outcome = Outcome.objects.get(customer_id=customer.id)
    assert (outcome.month, outcome.defaulted, outcome.row_number) == (date(2005, 10, 1), True, 0)
    protected = ProtectedAttributes.objects.get(customer_id=customer.id)
    assert (protected.sex, protected.marital_status) == ("female", "married")
    assert protected.birth_year == customer.born_on.year


def test_a_credit_and_a_number_in_scientific_notation_are_kept(history: Callable[..., Path]) -> None:
    import_histories(file=history())
    newest = AccountMonth.objects.get(reference="uci:8:2005-09")
    assert (newest.limit_fen, newest.statement_fen) == (10_000_000, -2_923_900)


@pytest.mark.parametrize("newest", [date(2005, 9, 1), date(2024, 2, 1), date(2026, 5, 1)])
@pytest.mark.parametrize("age", [21, 24, 79])
def test_everybody_is_as_old_as_the_file_says_when_the_newest_month_ends(newest: date, age: int) -> None:
    end = add_months(newest, 1) - timedelta(days=1)
    birthdays = set()
    for person in range(1, 800):
        row = CardHistory(0, 2, person, 1, 1, 1, age, [0] * 6, [0] * 6, [0] * 6, False)
        born_on = service.born_on(row, newest)
        assert age_on(born_on, end) == age
        birthdays.add(born_on)
    assert len(birthdays) == 365


def test_the_months_can_be_placed_elsewhere(history: Callable[..., Path]) -> None:
    import_histories(file=history(), newest_month=date(2026, 5, 1))
    months = AccountMonth.objects.order_by("month").values_list("month", flat=True).distinct()
    assert list(months) == [date(2025, 12, 1), *(date(2026, n, 1) for n in range(1, 6))]
    assert set(Outcome.objects.values_list("month", flat=True)) == {date(2026, 6, 1)}


@pytest.mark.parametrize(
    ("what", "content", "name"),
    [
        ("gzip", gzip.compress(GOOD.encode()), "h.csv.gz"),
        ("gzip that is not named so", gzip.compress(GOOD.encode()), "h.csv"),
        ("a byte order mark of UTF-8", b"\xef\xbb\xbf" + GOOD.encode(), "h.csv"),
        ("Windows line ends", GOOD.replace("\n", "\r\n"), "h.csv"),
        ("no end to the last line", GOOD.rstrip(), "h.csv"),
        ("blank lines at the end", GOOD + "\n\n", "h.csv"),
        ("PAY_1 for PAY_0", GOOD.replace("PAY_0", "PAY_1"), "h.csv"),
        ("the spreadsheet's label", GOOD.replace(COLUMNS[-1], "default payment next month"), "h.csv"),
        ("quotes", GOOD.replace("PAY_0", '"PAY_0"').replace("\n7,", '\n"7",'), "h.csv"),
        ("spaces and a decimal point", GOOD.replace(",79,", ", 79.0,"), "h.csv"),
        ("another order", "\n".join(",".join(reversed(line.split(","))) for line in GOOD.split()), "h.csv"),
    ],
)  # fmt: skip
def test_the_same_histories_in_another_dress(
    history: Callable[..., Path], what: str, content: str | bytes, name: str
) -> None:
    import_histories(file=history())
    again = import_histories(file=history(content, name))
    assert again.nothing_new, what
    assert again.people == 2


BAD = [
    ("nothing at all", "", None, None, "its first line must name the columns"),
    ("an empty name.gz", gzip.compress(b""), None, None, "its first line must name the columns"),
    ("a header only", HEADER + "\n", None, None, "at least one row must follow"),
    ("no header", f"{FIRST}\n{SECOND}\n", 1, "'7'", "no such column"),
    ("semicolons", GOOD.replace(",", ";"), 1, None, "separated by commas"),
    ("a missing column", GOOD.replace("PAY_AMT3,", "", 1), 1, "PAY_AMT3", "lacks PAY_AMT3"),
    ("an extra column", GOOD.replace("AGE,", "AGE,INCOME,", 1), 1, "'INCOME'", "no such column"),
    ("a column twice", GOOD.replace("AGE,", "AGE,SEX,", 1), 1, "SEX", "twice"),
    ("PAY_0 and PAY_1", GOOD.replace("PAY_2", "PAY_1"), 1, "PAY_0", "twice"),
    ("text in a number", GOOD.replace(SECOND, changed(SECOND, AGE="old")), 3, "AGE", "'old' is not a whole number"),
    ("nothing in a number", GOOD.replace(FIRST, changed(FIRST, BILL_AMT4="")), 2, "BILL_AMT4", "not a whole number"),
    ("a fraction", GOOD.replace(FIRST, changed(FIRST, PAY_AMT1="0.5")), 2, "PAY_AMT1", "'0.5' is not a whole number"),
    ("not a number", GOOD.replace(FIRST, changed(FIRST, BILL_AMT1="nan")), 2, "BILL_AMT1", "not a whole number"),
    ("an underscore", GOOD.replace(FIRST, changed(FIRST, LIMIT_BAL="20_000")), 2, "LIMIT_BAL", "not a whole number"),
    ("other digits", GOOD.replace(FIRST, changed(FIRST, LIMIT_BAL="２００００")), 2, "LIMIT_BAL", "not a whole number"),
    ("an enormous power", GOOD.replace(FIRST, changed(FIRST, LIMIT_BAL="1e99")), 2, "LIMIT_BAL", "not a whole number"),
    ("too much money", GOOD.replace(FIRST, changed(FIRST, LIMIT_BAL="9" * 15)), 2, "LIMIT_BAL", "is not from 0 to"),
    ("a negative limit", GOOD.replace(FIRST, changed(FIRST, LIMIT_BAL="-1")), 2, "LIMIT_BAL", "-1 is not from 0"),
    ("a negative payment", GOOD.replace(FIRST, changed(FIRST, PAY_AMT6="-5")), 2, "PAY_AMT6", "-5 is not from 0"),
    ("a sex that is none", GOOD.replace(FIRST, changed(FIRST, SEX="3")), 2, "SEX", "3 is not from 1 to 2"),
    ("a child", GOOD.replace(FIRST, changed(FIRST, AGE="17")), 2, "AGE", "17 is not from 18 to 120"),
    ("an early status", GOOD.replace(FIRST, changed(FIRST, PAY_0="-3")), 2, "PAY_0", "-3 is not from -2"),
    ("a label of 2", GOOD.replace(SECOND, changed(SECOND, label="2")), 3, COLUMNS[-1], "2 is not from 0 to 1"),
    ("a label of yes", GOOD.replace(SECOND, changed(SECOND, label="yes")), 3, COLUMNS[-1], "'yes' is not a whole number"),
    ("an ID of 0", GOOD.replace(FIRST, changed(FIRST, ID="0")), 2, "ID", "0 is not from 1 to 999999"),
    ("an ID twice", GOOD + FIRST + "\n", 4, "ID", "7 was on line 2 already"),
    ("a short row", GOOD.replace(SECOND, SECOND.rsplit(",", 1)[0]), 3, COLUMNS[-1], "has 24 fields, the header 25"),
    ("a long row", GOOD.replace(SECOND, SECOND + ",1"), 3, None, "has 26 fields, the header 25"),
    ("a gap", GOOD.replace(SECOND, "\n" + SECOND), 3, None, "the line is empty"),
    ("a quote that is not closed", GOOD.replace("\n8,", '\n"8,'), 3, None, "not comma-separated text"),
    ("a NUL byte in a row", GOOD.replace("\n8,", "\n8\0,"), 3, "ID", "'8\\x00' is not a whole number"),
    ("a NUL byte in the header", GOOD.replace("PAY_0", "PAY_0\0", 1), 1, "'PAY_0\\x00'", "no such column"),
    ("Latin-1", GOOD.encode().replace(b"\n8,", b"\n8\xe9,"), 3, None, "0xE9"),
    ("UTF-16", GOOD.encode("utf-16"), None, None, "UTF-16"),
    ("one endless line", HEADER + "\n" + "1" * 100_000, 2, None, "longer than"),
]  # fmt: skip


def assert_refused(path: Path, line: int | None, column: str | None, words: str) -> None:
    before = recorded()
    with pytest.raises(BadHistoryFile) as refused:
        import_histories(file=path)
    assert (refused.value.line, refused.value.column) == (line, column)
    assert words in refused.value.message
    assert recorded() == before


@pytest.mark.parametrize(("what", "content", "line", "column", "words"), BAD, ids=[row[0] for row in BAD])
def test_a_bad_file_is_named_by_line_and_column_and_changes_nothing(
    history: Callable[..., Path],
    what: str,
    content: str | bytes,
    line: int | None,
    column: str | None,
    words: str,
) -> None:
    assert_refused(history(content), line, column, words)


def test_a_bad_row_behind_thousands_of_good_ones_takes_them_all_back(history: Callable[..., Path]) -> None:
    rows = [changed(FIRST, ID=str(n)) for n in range(1, service._CHUNK + 10)]
    path = history("\n".join([HEADER, *rows, changed(FIRST, ID="999999", AGE="?")]))
    assert_refused(path, len(rows) + 2, "AGE", "'?' is not a whole number")


def many_rows() -> bytes:
    rows = [changed(SECOND, ID=str(n), BILL_AMT1=str(n * 7919 % 99991)) for n in range(1, 3000)]
    return "\n".join([HEADER, *rows]).encode()


def test_a_gzip_file_that_is_cut_off_is_refused(history: Callable[..., Path]) -> None:
    whole = gzip.compress(many_rows())
    path = history(whole[: len(whole) // 2], "h.csv.gz")
    with pytest.raises(BadHistoryFile, match="cut off") as refused:
        import_histories(file=path)
    assert refused.value.line is not None
    assert refused.value.line > 1
    assert recorded() == (0, 0, 0, 0)


def test_a_damaged_gzip_file_is_refused(history: Callable[..., Path]) -> None:
    damaged = bytearray(gzip.compress(many_rows()))
    damaged[-6] ^= 0xFF  # the checksum, which is read last
    with pytest.raises(BadHistoryFile, match="damaged"):
        import_histories(file=history(bytes(damaged), "h.csv.gz"))
    assert recorded() == (0, 0, 0, 0)


def test_a_plain_file_named_gz_is_refused(history: Callable[..., Path]) -> None:
    assert_refused(history(GOOD, "h.csv.gz"), None, None, "not a gzip file")


def test_a_file_that_is_not_there_and_a_directory_are_refused(tmp_path: Path) -> None:
    assert_refused(tmp_path / "none.csv", None, None, "there is no such file")
    assert_refused(tmp_path, None, None, "is a directory")


def test_importing_again_records_nothing(history: Callable[..., Path]) -> None:
    path = history()
    import_histories(file=path)
    before = recorded()
    again = import_histories(file=path)
    assert again.nothing_new
    assert recorded() == before == (2, 12, 2, 2)


def test_importing_again_finds_the_month_where_the_histories_were_placed(
    history: Callable[..., Path],
) -> None:
    path = history()
    import_histories(file=path, newest_month=date(2026, 5, 1))
    assert import_histories(file=path).nothing_new
    with pytest.raises(ImportRefused, match="2026-05 as its newest month, not 2005-09"):
        import_histories(file=path, newest_month=date(2005, 9, 1))


def test_a_file_that_has_grown_adds_what_is_new(history: Callable[..., Path]) -> None:
    import_histories(file=history())
    grown = import_histories(file=history(GOOD + changed(FIRST, ID="9") + "\n"))
    assert (grown.people, grown.new_people, grown.new_account_months) == (3, 1, 6)


@pytest.mark.parametrize(
    ("column", "text", "field"),
    [("BILL_AMT2", "1", "statement_fen"), ("label", "0", "defaulted"), ("AGE", "25", "customer_id")],
)
def test_a_person_with_other_figures_than_before_is_refused(
    history: Callable[..., Path], column: str, text: str, field: str
) -> None:
    import_histories(file=history())
    before = recorded()
    with pytest.raises(ImportRefused, match="source name of their own") as refused:
        import_histories(file=history(GOOD.replace(FIRST, changed(FIRST, **{column: text}))))
    assert refused.value.field == field
    assert recorded() == before


def test_two_sources_with_the_same_ids_are_different_people(history: Callable[..., Path]) -> None:
    one = import_histories(file=history())
    other = import_histories(file=history(), source="another-bank")
    assert other.new_people == 2
    assert one.first_national_id != other.first_national_id
    assert Customer.objects.count() == 4


def test_two_sources_never_share_national_ids(
    history: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_block", lambda source: 0)
    import_histories(file=history())
    with pytest.raises(ImportRefused, match="choose another name"):
        import_histories(file=history(), source="another-bank")


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("import_card_histories", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_says_what_was_new_and_what_was_known(history: Callable[..., Path]) -> None:
    path = str(history())
    answer = json.loads(run(path, "--json", "--last-month", "2026-05"))
    assert (answer["newest_month"], answer["people"], answer["new_people"]) == ("2026-05", 2, 2)
    assert not answer["nothing_new"]
    assert json.loads(run(path, "--json"))["nothing_new"]


def test_the_command_refuses_with_the_reason(history: Callable[..., Path]) -> None:
    path = str(history(GOOD.replace(FIRST, changed(FIRST, AGE="old"))))
    with pytest.raises(CommandError, match="line 2, column AGE: 'old'"):
        run(path)


@pytest.mark.parametrize("month", ["2005", "2005-13", "09-2005", "2005-09-01", ""])
def test_the_command_refuses_a_month_that_is_none(history: Callable[..., Path], month: str) -> None:
    with pytest.raises(CommandError, match="last-month"):
        run(str(history()), "--last-month", month)


@pytest.mark.parametrize("source", ["", "UCI", "a b", "x" * 25, "uci:1"])
def test_the_command_refuses_a_source_that_cannot_stand_in_a_reference(
    history: Callable[..., Path], source: str
) -> None:
    with pytest.raises(CommandError, match="source"):
        run(str(history()), "--source", source)


def test_rows_are_streamed(history: Callable[..., Path]) -> None:
    """The first row is there before the last was looked at."""
    with closing(HistoryFile(history(GOOD + "rubbish")).rows()) as rows:
        assert next(rows).id == 7


def test_the_uci_file_reads_as_the_csv_module_reads_it(shared_dir: Path) -> None:
    path = shared_dir / "data" / "uci_credit_card_default.csv.gz"
    with gzip.open(path, "rt", newline="") as file:
        expected: Sequence[dict[str, str]] = list(csv.DictReader(file))
    rows = list(HistoryFile(path).rows())
    assert len(rows) == len(expected) == 30_000
    for row, text in zip(rows, expected, strict=True):
        assert row.limit == int(float(text["LIMIT_BAL"]))
        assert list(row.statements) == [int(float(text[f"BILL_AMT{n}"])) for n in range(1, 7)]
        assert row.defaulted == (text["default.payment.next.month"] == "1")
    assert sum(row.defaulted for row in rows) == 6_636
