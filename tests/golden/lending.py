"""Reads the golden cases of lending and says once what their terms mean in ours."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from finance.dates import Frequency, Unit
from finance.daycount import DayCount
from finance.money import format_yuan, parse_yuan
from finance.rates import AnnualRate
from finance.schedule import Method, OddFirstPeriod, Row, Terms

GOLDEN_FILE = Path(__file__).parents[3] / "shared" / "golden" / "lending_golden.json"
MISSING = pytest.mark.skip(reason=f"the golden cases are not there: {GOLDEN_FILE.name}")

Case = dict[str, Any]

DAY_COUNTS = {
    "ACTUAL/ACTUAL (year split at 31 Dec: days to 31 Dec over that year length, the rest over the next)": (
        "actual/actual"
    ),
    "ACTUAL/365": "actual/365",
    "30/360": "30/360",
    # 30/360 that shares a month out by actual days is our "period": a twelfth of a year, days over its length.
    "30/360 (x actual days/period days inside a period)": "period",
    "30/360 (inside a month: x actual days / days of the period)": "period",
    "1/12 of the year per month": "period",
    "7*2/360 per period": "actual/360",
    "14/364 per period": "actual/364",
    "any": "period",
}
METHODS = {
    "equal-instalment declining balance": Method.EQUAL_INSTALMENT,
    "flat interest, equal instalments": Method.FLAT,
    "fixed amount per period": Method.EQUAL_INSTALMENT,
}


def all_cases() -> dict[str, Case]:
    if not GOLDEN_FILE.exists():
        return {}
    return {case["id"]: case for case in json.loads(GOLDEN_FILE.read_text("utf-8"))["cases"]}


def golden(*kinds: str) -> list[Any]:
    """The cases of these kinds as test parameters; one that skips where the file is missing."""
    found = [pytest.param(case, id=name) for name, case in all_cases().items() if case["kind"] in kinds]
    return found or [pytest.param({}, id="missing", marks=MISSING)]


def golden_case(name: str) -> Case:
    cases = all_cases()
    if not cases:
        pytest.skip(f"the golden cases are not there: {GOLDEN_FILE.name}")
    return cases[name]


def annual_rate_of(terms: dict[str, Any]) -> AnnualRate:
    day_count = DayCount(DAY_COUNTS[terms.get("day_count", "any")])
    return AnnualRate(Decimal(terms["annual_rate_pct"]) / 100, day_count)


def frequency_of(terms: dict[str, Any]) -> Frequency:
    return Frequency(Unit(terms.get("frequency", "MONTHS").lower()), terms.get("repay_every", 1))


def terms_of(case: Case, **changed: Any) -> Terms:
    """Our terms for a case's; `changed` replaces some of them, for what is scheduled anew during the loan."""
    terms = case["terms"]
    given = terms.get("given_instalment") or terms.get("instalment")
    ours: dict[str, Any] = {
        "principal_fen": parse_yuan(terms["principal"]),
        "rate": annual_rate_of(terms),
        "method": METHODS[terms.get("method", "equal-instalment declining balance")],
        "periods": terms.get("periods"),
        "frequency": frequency_of(terms),
        "disbursed_on": date.fromisoformat(terms.get("disbursement_date", "2024-01-01")),
        "first_due_on": date.fromisoformat(terms["first_due"]) if "first_due" in terms else None,
        "instalment_fen": parse_yuan(given) if given else None,
        "instalment_multiple_fen": parse_yuan(terms.get("instalment_multiple_of", "0.01")),
        "principal_grace_periods": terms.get("grace_on_principal_periods", 0),
        "interest_grace_periods": terms.get("interest_payment_deferred_periods", 0),
    }
    if terms.get("bpi_recovery") == "added to the first instalment":
        ours["odd_first_period"] = OddFirstPeriod.ADDED_TO_FIRST
    return Terms(**(ours | changed))


def quote_request_of(case: Case) -> dict[str, Any] | None:
    """The case as a quote request, or None where it gives the instalment, which a quote computes.

    The two cases whose given instalment is what a multiple of one yuan yields are asked for that way.
    """
    terms = case["terms"]
    multiple = terms.get("instalment_multiple_of")
    if "given_instalment" in terms:
        if not case["rounding_rules"] or "multiple of 1" not in case["rounding_rules"][0]:
            return None
        multiple = "1"
    day_count = DAY_COUNTS[terms["day_count"]]
    request = {
        "principal": terms["principal"],
        "rate": {"annual": f"{Decimal(terms['annual_rate_pct']) / 100:f}"},
        "method": METHODS[terms.get("method", "equal-instalment declining balance")].value,
        "periods": terms["periods"],
        "frequency": {terms["frequency"].lower(): terms.get("repay_every", 1)},
        # Fourteen days of 364 are the period of a fortnight: 1/26 of a year.
        "day_count": "period" if day_count == "actual/364" else day_count,
        "disbursed_on": terms["disbursement_date"],
        "first_due_on": terms.get("first_due"),
        "grace": {
            "principal_periods": terms.get("grace_on_principal_periods", 0),
            "interest_periods": terms.get("interest_payment_deferred_periods", 0),
        },
    }
    return request | ({"instalment_multiple_of": multiple} if multiple else {})


def expected_rows(case: Case) -> list[dict[str, Any]]:
    """The instalment rows, without those that only show a disbursement, and only the columns a schedule has."""
    columns = ("n", "due_date", "days", "principal", "interest", "fee", "due", "outstanding")
    rows = [row for row in case["expected"]["rows"] if row["n"] != ""]
    return [{column: row[column] for column in columns if column in row} for row in rows]


def shown(row: Row) -> dict[str, Any]:
    """One of our rows as the golden cases write theirs."""
    return {
        "n": row.n,
        "due_date": row.due_on.isoformat(),
        "days": row.days,
        "principal": format_yuan(row.principal_fen),
        "interest": format_yuan(row.interest_fen),
        "fee": format_yuan(row.fee_fen),
        "due": format_yuan(row.due_fen),
        "outstanding": format_yuan(row.outstanding_fen),
    }
