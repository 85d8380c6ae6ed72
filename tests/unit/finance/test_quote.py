import json
from decimal import Decimal
from typing import Any

import pytest

from finance.errors import DomainError
from finance.quote import error_answer, quote, quote_json
from finance.reading import LARGEST_REQUEST_BYTES

REQUEST: dict[str, Any] = {
    "principal": "10000.00",
    "rate": {"annual": "0.12"},
    "method": "equal_instalment",
    "periods": 6,
    "frequency": {"months": 1},
    "day_count": "actual/actual",
    "disbursed_on": "2023-12-12",
}


def refusal(request: dict[str, Any] | bytes) -> tuple[str, str]:
    """Field and message of the error a request gets."""
    raw = request if isinstance(request, bytes) else json.dumps(request).encode()
    with pytest.raises(DomainError) as refused:
        quote_json(raw)
    error = error_answer(refused.value)["error"]
    return error["field"], error["message"]


def test_a_quote_is_rows_totals_and_the_annual_rate() -> None:
    answer = quote_json(json.dumps(REQUEST).encode())
    assert list(answer) == ["rows", "totals", "annual_rate"]
    assert answer["rows"][0] == {
        "n": 1,
        "due_on": "2024-01-12",
        "days": 31,
        "principal": "1623.75",
        "interest": "101.81",
        "fee": "0.00",
        "due": "1725.56",
        "outstanding": "8376.25",
    }
    assert answer["rows"][-1]["due"] == "1725.59"
    assert answer["totals"] == {
        "principal": "10000.00",
        "interest": "353.39",
        "fee": "0.00",
        "due": "10353.39",
    }
    assert answer["annual_rate"] == {"simple": "0.12016434", "effective": "0.12700839"}


def test_optional_fields_may_be_null() -> None:
    nothing = dict.fromkeys(["first_due_on", "fees", "instalment_multiple_of", "grace"])
    assert quote(REQUEST | nothing) == quote(REQUEST)
    assert quote(REQUEST | {"grace": {}, "fees": [], "instalment_multiple_of": "0.01"}) == quote(REQUEST)


def test_optional_fields_change_the_schedule() -> None:
    rows = quote(
        REQUEST
        | {
            "first_due_on": "2024-01-31",
            "fees": [{"kind": "per_period", "rate": "0.001"}],
            "instalment_multiple_of": "10",
            "grace": {"principal_periods": 2, "interest_periods": 1},
        }
    )["rows"]
    assert [row["due_on"] for row in rows[:3]] == ["2024-01-31", "2024-02-29", "2024-03-31"]
    assert [row["fee"] for row in rows] == ["10.00"] * 6
    assert (rows[0]["principal"], rows[0]["interest"]) == ("0.00", "0.00")
    assert rows[1]["principal"] == "0.00"
    assert rows[2]["due"] == "2570.00", "a multiple of ten, and the fee on top"


@pytest.mark.parametrize(
    ("day_count", "frequency", "interest"),
    [
        ("actual/365", {"days": 15}, "90.00"),
        ("actual/360", {"days": 15}, "90.00"),
        ("actual/actual", {"days": 15}, "90.00"),
        ("period", {"days": 15}, "90.00"),
        ("period", {"weeks": 2}, "84.00"),
        ("actual/365", {"months": 1}, "186.00"),
        # In months of 30 days a daily rate counts 30 days.
        ("30/360", {"months": 1}, "180.00"),
        ("period", {"months": 1}, "180.00"),
    ],
)
@pytest.mark.parametrize("method", ["one_off", "interest_first"])
def test_a_daily_rate_counts_the_days(
    day_count: str, frequency: dict[str, int], interest: str, method: str
) -> None:
    changed = {"rate": {"daily": "0.0006"}, "periods": 1, "method": method}
    answer = quote(REQUEST | changed | {"day_count": day_count, "frequency": frequency})
    assert answer["totals"]["interest"] == interest


def test_upfront_fees_raise_the_annual_rate_and_are_in_the_totals() -> None:
    fees = [{"kind": "upfront", "rate": "0.02"}, {"kind": "upfront", "rate": "0.01"}]
    answer = quote(REQUEST | {"fees": fees})
    assert answer["rows"] == quote(REQUEST)["rows"]
    assert answer["totals"] == {
        "principal": "10000.00",
        "interest": "353.39",
        "fee": "300.00",
        "due": "10653.39",
    }
    assert Decimal(answer["annual_rate"]["simple"]).quantize(Decimal("0.0001")) == Decimal("0.2274")


def test_an_odd_first_period_counts_by_its_length_in_the_annual_rate() -> None:
    one_off = REQUEST | {"method": "one_off", "periods": 1, "day_count": "period", "rate": {"annual": "0.12"}}
    answer = quote(one_off | {"first_due_on": "2024-03-12"})
    # Three months' interest of 3 % is due at once: (1.03 ^ (1/3) - 1) x 12.
    assert answer["totals"]["interest"] == "300.00"
    assert answer["annual_rate"]["simple"] == "0.11881961"


def test_without_interest_and_fees_the_annual_rate_is_zero() -> None:
    assert quote(REQUEST | {"rate": {"annual": "0"}})["annual_rate"] == {
        "simple": "0.00000000",
        "effective": "0.00000000",
    }


@pytest.mark.parametrize("field", list(REQUEST))
def test_a_missing_field_is_named(field: str) -> None:
    assert refusal({key: value for key, value in REQUEST.items() if key != field}) == (
        field,
        f"{field} is missing",
    )


@pytest.mark.parametrize("field", list(REQUEST))
def test_a_required_field_is_not_null(field: str) -> None:
    assert refusal(REQUEST | {field: None})[0] == field


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        # amounts
        ({"principal": 10000}, "principal"),
        ({"principal": "1e4"}, "principal"),
        ({"principal": "10,000.00"}, "principal"),
        ({"principal": "10000.001"}, "principal"),
        ({"principal": "0"}, "principal"),
        ({"principal": "0.00"}, "principal"),
        ({"principal": "-1.00"}, "principal"),
        ({"principal": "1000000000000.01"}, "principal"),
        ({"principal": "9" * 400}, "principal"),
        ({"principal": True}, "principal"),
        ({"principal": ["1"]}, "principal"),
        ({"instalment_multiple_of": 1}, "instalment_multiple_of"),
        ({"instalment_multiple_of": "0.00"}, "instalment_multiple_of"),
        ({"instalment_multiple_of": "100000"}, "instalment_multiple_of"),
        # rates
        ({"rate": "0.12"}, "rate"),
        ({"rate": {}}, "rate"),
        ({"rate": {"annual": "0.12", "daily": "0.0005"}}, "rate"),
        ({"rate": {"monthly": "0.01"}}, "rate.monthly"),
        ({"rate": {"annual": 0.12}}, "rate.annual"),
        ({"rate": {"annual": 0}}, "rate.annual"),
        ({"rate": {"annual": None}}, "rate.annual"),
        ({"rate": {"annual": ""}}, "rate.annual"),
        ({"rate": {"annual": "-0.12"}}, "rate.annual"),
        ({"rate": {"annual": "NaN"}}, "rate.annual"),
        ({"rate": {"annual": "Infinity"}}, "rate.annual"),
        ({"rate": {"annual": "1.2e-1"}}, "rate.annual"),
        ({"rate": {"annual": "12%"}}, "rate.annual"),
        ({"rate": {"annual": "12"}}, "rate.annual"),
        ({"rate": {"annual": "0." + "1" * 19}}, "rate.annual"),
        ({"rate": {"daily": "0.05"}}, "rate.daily"),
        # counts
        ({"periods": 0}, "periods"),
        ({"periods": -6}, "periods"),
        ({"periods": "6"}, "periods"),
        ({"periods": 6.0}, "periods"),
        ({"periods": True}, "periods"),
        ({"periods": 1201}, "periods"),
        ({"periods": 100_000}, "periods"),
        ({"periods": 10**30}, "periods"),
        ({"frequency": 1}, "frequency"),
        ({"frequency": {}}, "frequency"),
        ({"frequency": {"months": 1, "days": 1}}, "frequency"),
        ({"frequency": {"months": 0}}, "frequency.months"),
        ({"frequency": {"days": 3661}}, "frequency.days"),
        ({"frequency": {"weeks": 2.5}}, "frequency.weeks"),
        ({"frequency": {"years": 1}}, "frequency.years"),
        ({"grace": {"principal_periods": 6}}, "grace.principal_periods"),
        ({"grace": {"interest_periods": 6}}, "grace.interest_periods"),
        ({"grace": {"principal_periods": -1}}, "grace.principal_periods"),
        ({"grace": {"periods": 1}}, "grace.periods"),
        ({"grace": [6, 0]}, "grace"),
        # words
        ({"method": "balloon"}, "method"),
        ({"method": 1}, "method"),
        ({"method": "EQUAL_INSTALMENT"}, "method"),
        ({"day_count": "actual/366"}, "day_count"),
        ({"day_count": "actual/364"}, "day_count"),
        ({"day_count": []}, "day_count"),
        # dates
        ({"disbursed_on": "2023-02-30"}, "disbursed_on"),
        ({"disbursed_on": "2023-2-3"}, "disbursed_on"),
        ({"disbursed_on": "20231212"}, "disbursed_on"),
        ({"disbursed_on": "2023-12-12T00:00:00Z"}, "disbursed_on"),
        ({"disbursed_on": "0000-01-01"}, "disbursed_on"),
        ({"disbursed_on": 20231212}, "disbursed_on"),
        ({"disbursed_on": "9999-10-12"}, "periods"),
        ({"first_due_on": "2023-12-11"}, "first_due_on"),
        ({"first_due_on": "2023-12-12"}, "first_due_on"),
        ({"first_due_on": ""}, "first_due_on"),
        # fees
        ({"fees": {"kind": "upfront", "rate": "0.1"}}, "fees"),
        ({"fees": ["0.1"]}, "fees[0]"),
        ({"fees": [{"kind": "upfront"}]}, "fees[0].rate"),
        ({"fees": [{"rate": "0.1"}]}, "fees[0].kind"),
        ({"fees": [{"kind": "upfront", "rate": "0.1"}, {"kind": "tip", "rate": "0.1"}]}, "fees[1].kind"),
        ({"fees": [{"kind": "upfront", "rate": "8.8"}]}, "fees[0].rate"),
        ({"fees": [{"kind": "upfront", "rate": "0.1", "amount": "5"}]}, "fees[0].amount"),
        ({"fees": [{"kind": "upfront", "rate": "0.01"}] * 21}, "fees"),
        ({"fees": [{"kind": "upfront", "rate": "1"}]}, "fees"),
        ({"fees": [{"kind": "upfront", "rate": "0.6"}] * 2}, "fees"),
        ({"fees": [{"kind": "upfront", "rate": "0.999999"}]}, "fees"),
        # strangers
        ({"Principal": "1"}, "Principal"),
        ({"x" * 500: 1}, "x" * 60 + "..."),
    ],
)
def test_what_is_wrong_is_named(changed: dict[str, Any], field: str) -> None:
    found, message = refusal(REQUEST | changed)
    assert found == field
    assert len(message) < 300


def test_no_annual_rate_exists_when_fees_leave_nothing() -> None:
    _, message = refusal(REQUEST | {"fees": [{"kind": "upfront", "rate": "1"}]})
    assert message == (
        "upfront fees of 10000.00 leave nothing of the principal of 10000.00: no annual rate exists"
    )


@pytest.mark.parametrize(
    ("raw", "field", "said"),
    [
        (b"", "request", "nothing was given"),
        (b" \n", "request", "nothing was given"),
        (b"{", "request", "not JSON"),
        (b"{} {}", "request", "not JSON"),
        (b"\xef\xbb\xbf{}", "request", "not JSON"),
        (b'{"principal": "\xff"}', "request", "byte 16 is not UTF-8"),
        (b"[]", "request", "must be a JSON object"),
        (b"null", "request", "must be a JSON object, not null"),
        (b"NaN", "request", "must be a JSON object"),
        (b"9" * 60_000, "request", "must be a JSON object"),
        (b"[" * 60_000, "request", "nested too deeply"),
        (b'{"a":1' + b" " * LARGEST_REQUEST_BYTES + b"}", "request", "longer than"),
        (b'{"principal": "1", "principal": "2"}', "principal", "more than once"),
        (b'{"principal": NaN}', "rate", "missing"),
    ],
)
def test_what_is_no_request_is_refused(raw: bytes, field: str, said: str) -> None:
    found, message = refusal(raw)
    assert found == field
    assert said in message


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e400", "10000.0", "9" * 5_000, "-0"])
def test_no_json_number_passes_for_an_amount(literal: str) -> None:
    raw = json.dumps(REQUEST).replace('"10000.00"', literal).encode()
    assert refusal(raw)[0] == "principal"


def test_a_key_given_twice_deep_inside_is_named() -> None:
    raw = json.dumps(REQUEST).replace('{"annual": "0.12"}', '{"annual": "0.12", "annual": "0.24"}').encode()
    assert refusal(raw) == ("rate.annual", "rate.annual is given more than once")


def test_the_longest_schedule_of_the_largest_loan_is_quoted() -> None:
    answer = quote(
        REQUEST
        | {"principal": "1000000000000.00", "periods": 1200, "rate": {"annual": "10"}, "day_count": "period"}
    )
    assert len(answer["rows"]) == 1200
    assert answer["rows"][-1]["outstanding"] == "0.00"


def test_the_smallest_loan_is_quoted() -> None:
    answer = quote(REQUEST | {"principal": "0.01"})
    assert [row["principal"] for row in answer["rows"]] == ["0.00"] * 5 + ["0.01"]
