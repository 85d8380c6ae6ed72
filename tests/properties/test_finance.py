"""What holds for every loan, date and amount, not only for those in the tables."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any, TypeVar

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from finance.allocation import COMPONENTS, Due, Order, allocate, allocate_evenly
from finance.apr import annual_rates_on_dates, periodic_rate, present_value
from finance.dates import DueCalendar, Frequency, Unit, add_months, days_in_month
from finance.daycount import DayCount, year_fraction
from finance.delinquency import days_past_due
from finance.errors import DomainError
from finance.interest import Segment, close, owed, to_post
from finance.money import Rounding, format_yuan, parse_yuan, round_fen, split_evenly
from finance.quote import DAY_COUNTS, annual_rates_of_schedule, quote, quote_json
from finance.rates import AnnualRate, DailyRate, Rate
from finance.schedule import Fee, FeeKind, Method, OddFirstPeriod, Terms, build

T = TypeVar("T")

moderate = settings(max_examples=100, deadline=None)

days = st.dates(date(1999, 1, 1), date(2099, 12, 31))
amounts = st.integers(1, 10**9)
frequencies = st.one_of(
    st.builds(Frequency, st.just(Unit.MONTHS), st.integers(1, 14)),
    st.builds(Frequency, st.just(Unit.WEEKS), st.integers(1, 9)),
    st.builds(Frequency, st.just(Unit.DAYS), st.integers(1, 200)),
)
calendars = st.builds(DueCalendar.of, days, frequencies)
rates: st.SearchStrategy[Rate] = st.one_of(
    st.builds(DailyRate, st.decimals(0, "0.02", places=6)),
    st.builds(AnnualRate, st.decimals(0, 4, places=6), st.sampled_from(DayCount)),
)
annual_rates = st.builds(
    AnnualRate, st.decimals(0, 4, places=6), st.sampled_from([DayCount(name) for name in DAY_COUNTS])
)
fees = st.lists(st.builds(Fee, st.sampled_from(FeeKind), st.decimals(0, "0.09", places=4)), max_size=3).map(
    tuple
)


@st.composite
def loans(draw: st.DrawFn, *, quotable: bool = False) -> Terms:
    """Any terms; `quotable` ones only such as a quote request can write."""
    periods = draw(st.integers(1, 40))
    lent = draw(days)
    first_due = draw(st.none() | st.integers(1, 500).map(lambda later: lent + timedelta(days=later)))
    return Terms(
        principal_fen=draw(amounts),
        rate=draw(annual_rates if quotable else rates),
        method=draw(st.sampled_from(Method)),
        periods=periods,
        frequency=draw(frequencies),
        disbursed_on=lent,
        first_due_on=first_due,
        principal_grace_periods=draw(st.integers(0, periods - 1)),
        interest_grace_periods=draw(st.integers(0, periods - 1)),
        fees=draw(fees),
        odd_first_period=OddFirstPeriod.LEVELLED if quotable else draw(st.sampled_from(OddFirstPeriod)),
        rounding=Rounding.HALF_EVEN if quotable else draw(st.sampled_from(Rounding)),
    )


def attempt(ask: Callable[[], T]) -> tuple[T | None, DomainError | None]:
    """The answer, or the refusal. Any other exception is a defect."""
    try:
        return ask(), None
    except DomainError as error:
        return None, error


@given(loans())
@settings(max_examples=250, deadline=None)
def test_every_schedule_repays_the_principal_in_its_periods(terms: Terms) -> None:
    schedule = build(terms)
    assert len(schedule.rows) == terms.periods
    assert [row.n for row in schedule.rows] == list(range(1, terms.periods + 1))
    assert sum(row.principal_fen for row in schedule.rows) == terms.principal_fen
    outstanding = terms.principal_fen
    for row in schedule.rows:
        outstanding -= row.principal_fen
        assert row.outstanding_fen == outstanding >= 0
        assert min(row.principal_fen, row.interest_fen, row.fee_fen) >= 0
    assert outstanding == 0
    assert schedule.due_fen == schedule.upfront_fee_fen + sum(row.due_fen for row in schedule.rows)
    for row in schedule.rows[: terms.principal_grace_periods]:
        assert row.principal_fen == 0
    for row in schedule.rows[: terms.interest_grace_periods]:
        assert row.interest_fen == 0


@given(loans())
@moderate
def test_due_dates_rise_and_keep_to_the_anchor_day(terms: Terms) -> None:
    rows = build(terms).rows
    dates = [terms.disbursed_on, *(row.due_on for row in rows)]
    assert all(earlier < later for earlier, later in pairwise(dates))
    assert [row.days for row in rows] == [(b - a).days for a, b in pairwise(dates)]
    if terms.first_due_on is not None:
        assert rows[0].due_on == terms.first_due_on
    if terms.frequency.unit is Unit.MONTHS:
        anchor = terms.calendar.anchor_day
        for row in rows:
            assert row.due_on.day == min(anchor, days_in_month(row.due_on.year, row.due_on.month))


@given(loans())
@moderate
def test_interest_is_that_of_the_outstanding_principal_to_half_a_fen_a_row(terms: Terms) -> None:
    assume(terms.method is not Method.FLAT and terms.rounding is Rounding.HALF_EVEN)
    rows = build(terms).rows
    outstanding, start, exact = terms.principal_fen, terms.disbursed_on, Fraction(0)
    for row in rows:
        exact += outstanding * terms.rate.factor(start, row.due_on, calendar=terms.calendar)
        outstanding, start = row.outstanding_fen, row.due_on
    assert abs(sum(row.interest_fen for row in rows) - exact) <= Fraction(len(rows), 2)


@given(amounts, rates, calendars, st.integers(1, 60))
@moderate
def test_the_last_equal_instalment_is_close_to_the_others(
    principal_fen: int, rate: Rate, calendar: DueCalendar, periods: int
) -> None:
    terms = Terms(
        principal_fen=principal_fen,
        rate=rate,
        method=Method.EQUAL_INSTALMENT,
        periods=periods,
        frequency=calendar.frequency,
        disbursed_on=calendar.origin,
    )
    factors = [
        rate.factor(calendar.due_on(n), calendar.due_on(n + 1), calendar=calendar) for n in range(periods)
    ]
    rows = build(terms).rows
    assume(all(row.principal_fen > 0 for row in rows))
    # A fen more or less in each row grows with interest until the last one.
    growth = Fraction(1)
    slack = Fraction(0)
    for factor in reversed(factors):
        slack += growth
        growth *= 1 + factor
    assert abs(rows[-1].due_fen - rows[0].due_fen) <= slack + 1


@given(loans())
@moderate
def test_the_annual_rate_discounts_the_schedule_to_what_was_paid_out(terms: Terms) -> None:
    schedule = build(terms)
    rates, refused = attempt(lambda: annual_rates_of_schedule(schedule, terms))
    if rates is None:
        assert refused is not None
        assert schedule.net_disbursed_fen <= 0 or "too large" in refused.message
        return
    start = terms.calendar.position(terms.disbursed_on)
    worth = present_value(((row.n - start, row.due_fen) for row in schedule.rows), rates.periodic)
    assert abs(worth - schedule.net_disbursed_fen) < Decimal("1e-6")
    stated = Fraction(rates.periodic) * terms.frequency.periods_per_year
    assert abs(Fraction(rates.simple) - stated) < Fraction(1, 10**20)


@given(st.lists(st.tuples(days, amounts), min_size=1, max_size=20), amounts)
@moderate
def test_the_rate_on_dates_discounts_payments_to_the_advance(
    payments: list[tuple[date, int]], lent: int
) -> None:
    start = date(1998, 1, 1)
    rates = annual_rates_on_dates([(start, -lent), *payments])
    flows = [((day - start).days, amount) for day, amount in payments]
    assert abs(present_value(flows, rates.periodic) - lent) < Decimal("1e-6") * lent


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(-(10**6), 10**6)), max_size=12))
@moderate
def test_any_cash_flows_have_a_rate_or_a_reason(flows: list[tuple[int, int]]) -> None:
    rate, refused = attempt(lambda: periodic_rate(flows))
    if rate is None:
        assert refused is not None
        assert refused.code == "no_annual_rate"
        return
    scale = sum(abs(amount) for _, amount in flows) * max(Decimal(1), 1 / (1 + rate)) ** 30
    assert abs(present_value(flows, rate)) <= scale * Decimal("1e-24")


@given(amounts, rates, calendars, st.lists(st.integers(0, 1500), min_size=1, max_size=12))
@moderate
def test_interest_does_not_depend_on_where_it_is_cut_or_posted(
    principal_fen: int, rate: Rate, calendar: DueCalendar, cuts: list[int]
) -> None:
    whole = segment = Segment(principal_fen, rate, calendar.origin, calendar=calendar)
    posted = 0
    for cut in sorted(cuts):
        on = calendar.origin + timedelta(days=cut)
        segment = close(segment, on)
        assert owed(segment, on) == owed(whole, on)
        posted += to_post(segment, on, posted_fen=posted)
        assert posted == round_fen(owed(whole, on))


@given(st.sampled_from(DayCount), calendars, st.lists(st.integers(-400, 1500), min_size=3, max_size=3))
@moderate
def test_day_counts_add_up(day_count: DayCount, calendar: DueCalendar, offsets: list[int]) -> None:
    a, b, c = (calendar.origin + timedelta(days=offset) for offset in sorted(offsets))
    first, second, both = (
        year_fraction(day_count, *ends, calendar=calendar) for ends in ((a, b), (b, c), (a, c))
    )
    assert first + second == both
    assert first >= 0
    # No convention strays from the sun by more than a few days in four years.
    assert abs(both - Fraction((c - a).days, 365)) < Fraction((c - a).days, 60) + Fraction(1, 5)


@given(calendars, st.integers(-50, 50))
@moderate
def test_a_due_date_stands_at_its_own_number(calendar: DueCalendar, n: int) -> None:
    assert calendar.position(calendar.due_on(n)) == n
    assert n < calendar.position(calendar.due_on(n) + timedelta(days=1)) <= n + 1
    assert calendar.shifted(n).due_on(3) == calendar.due_on(n + 3)


@given(days, st.integers(-600, 600))
@moderate
def test_months_come_back_to_the_anchor_day(day: date, months: int) -> None:
    there = add_months(day, months)
    assert add_months(there, -months, anchor_day=day.day) == day


@given(st.integers(-(2**63) + 1, 2**63 - 1))
@moderate
def test_yuan_written_and_read_are_the_same(amount_fen: int) -> None:
    assert parse_yuan(format_yuan(amount_fen)) == amount_fen


@given(st.fractions(-(10**6), 10**6, max_denominator=1000))
@moderate
def test_rounding_is_to_the_nearest_fen_and_pythons_own(amount: Fraction) -> None:
    assert round_fen(amount) == round(amount)
    assert round_fen(amount, Rounding.FLOOR) <= amount <= round_fen(amount, Rounding.CEILING)
    assert abs(round_fen(amount, Rounding.HALF_UP) - amount) <= Fraction(1, 2)


@given(st.integers(0, 10**9), st.integers(1, 60), st.integers(1, 10_000))
@moderate
def test_shares_add_up_and_none_is_negative(total: int, parts: int, multiple: int) -> None:
    shares = split_evenly(total, parts, multiple_fen=multiple)
    assert len(shares) == parts
    assert sum(shares) == total
    assert min(shares) >= 0


unpaid = st.dictionaries(st.sampled_from(COMPONENTS), st.integers(0, 10**6), max_size=4)
dues = st.lists(st.tuples(days, unpaid), max_size=8).map(
    lambda rows: [Due(n, day, owing) for n, (day, owing) in enumerate(rows)]
)
ways_to_pay = st.sampled_from(
    [
        lambda amount, owing: allocate(amount, owing),
        lambda amount, owing: allocate(amount, owing, order=Order.COMPONENT_THEN_DUE),
        lambda amount, owing: allocate_evenly(amount, owing),
    ]
)


@given(st.integers(0, 10**7), dues, ways_to_pay)
@moderate
def test_allocation_conserves_and_pays_nothing_twice(amount: int, owing: list[Due], pay: Any) -> None:
    allocation = pay(amount, owing)
    assert allocation.applied_fen + allocation.unapplied_fen == amount
    assert allocation.applied_fen == min(amount, sum(due.total_fen for due in owing))
    assert len({(payment.key, payment.component) for payment in allocation.payments}) == len(
        allocation.payments
    )
    for payment in allocation.payments:
        assert 0 < payment.amount_fen <= owing[payment.key].unpaid_fen[payment.component]


@given(st.integers(0, 10**7), dues, st.sampled_from(Order))
@moderate
def test_nothing_is_paid_before_what_ranks_ahead_of_it(amount: int, owing: list[Due], order: Order) -> None:
    paid = {
        (payment.key, payment.component): payment.amount_fen
        for payment in allocate(amount, owing, order=order).payments
    }
    ranks = [
        (due.due_on, due.key, COMPONENTS.index(component))
        if order is Order.DUE_THEN_COMPONENT
        else (COMPONENTS.index(component), due.due_on, due.key)
        for due in owing
        for component in due.unpaid_fen
    ]
    items = [(due.key, component, fen) for due in owing for component, fen in due.unpaid_fen.items()]
    exhausted = False
    for _, (key, component, fen) in sorted(zip(ranks, items, strict=True), key=lambda pair: pair[0]):
        got = paid.get((key, component), 0)
        assert got == 0 or not exhausted
        exhausted = exhausted or got < fen


@given(days, st.integers(-500, 500))
@moderate
def test_days_past_due_count_from_the_day_after(due_on: date, offset: int) -> None:
    on = due_on + timedelta(days=offset)
    assert days_past_due(due_on, on) == max(0, offset)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
GOOD: dict[str, Any] = {
    "principal": "10000.00",
    "rate": {"daily": "0.0005"},
    "method": "equal_instalment",
    "periods": 6,
    "frequency": {"months": 1},
    "day_count": "actual/365",
    "disbursed_on": "2024-01-31",
    "first_due_on": None,
    "fees": [{"kind": "upfront", "rate": "0.01"}],
    "instalment_multiple_of": "1",
    "grace": {"principal_periods": 1, "interest_periods": 0},
}


@given(st.dictionaries(st.sampled_from(list(GOOD)), json_values, max_size=3))
@settings(max_examples=200, deadline=None)
def test_any_request_gets_an_answer_or_a_named_field(changed: dict[str, Any]) -> None:
    answer, refused = attempt(lambda: quote_json(json.dumps(GOOD | changed).encode()))
    if answer is None:
        assert refused is not None
        assert refused.field
        assert refused.message
    else:
        assert len(answer["rows"]) == (GOOD | changed)["periods"]


@given(st.binary(max_size=60))
@moderate
def test_any_bytes_are_refused_in_words(raw: bytes) -> None:
    with pytest.raises(DomainError) as refused:
        quote_json(raw)
    assert refused.value.field


@given(loans(quotable=True))
@moderate
def test_a_quote_says_what_the_schedule_says(terms: Terms) -> None:
    assert isinstance(terms.rate, AnnualRate)
    request = {
        "principal": format_yuan(terms.principal_fen),
        "rate": {"annual": f"{terms.rate.per_year:f}"},
        "method": terms.method.value,
        "periods": terms.periods,
        "frequency": {terms.frequency.unit.value: terms.frequency.every},
        "day_count": terms.rate.day_count.value,
        "disbursed_on": terms.disbursed_on.isoformat(),
        "first_due_on": terms.first_due_on.isoformat() if terms.first_due_on else None,
        "fees": [{"kind": fee.kind.value, "rate": f"{fee.rate:f}"} for fee in terms.fees],
        "grace": {
            "principal_periods": terms.principal_grace_periods,
            "interest_periods": terms.interest_grace_periods,
        },
    }
    schedule = build(terms)
    assume(schedule.net_disbursed_fen > 0)
    answer, refused = attempt(lambda: quote(request))
    if answer is None:
        assert refused is not None
        assert "too large" in refused.message
        return
    assert [(row["due_on"], row["due"], row["outstanding"]) for row in answer["rows"]] == [
        (row.due_on.isoformat(), format_yuan(row.due_fen), format_yuan(row.outstanding_fen))
        for row in schedule.rows
    ]
    assert answer["totals"]["due"] == format_yuan(schedule.due_fen)
