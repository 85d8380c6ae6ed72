from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from finance.dates import MONTHLY, DateError, DueCalendar
from finance.daycount import DayCount
from finance.interest import Segment, close, owed, owed_over, same_day_interest, to_post
from finance.money import Rounding, round_fen
from finance.rates import AnnualRate, DailyRate, RateError

D = date.fromisoformat
SIX_PER_TEN_THOUSAND = DailyRate(Decimal("0.0006"))
FIVE_PER_TEN_THOUSAND = DailyRate(Decimal("0.0005"))


def after(days: int) -> date:
    return D("2024-06-01") + timedelta(days=days)


def test_10_000_for_15_days_at_6_per_10_000_costs_90() -> None:
    loan = Segment(1_000_000, SIX_PER_TEN_THOUSAND, after(0))
    assert owed(loan, after(15)) == 9000


def test_interest_falls_with_each_repayment() -> None:
    loan = Segment(1_000_000, SIX_PER_TEN_THOUSAND, after(0))
    assert owed_over(loan, [(after(5), 800_000), (after(10), 600_000), (after(15), 0)], after(15)) == 7200
    assert owed_over(loan, [(after(5), 800_000), (after(10), 600_000), (after(15), 0)], after(40)) == 7200


def test_900_from_11_to_31_july_at_5_per_10_000_costs_9_45() -> None:
    statement = Segment(90_000, FIVE_PER_TEN_THOUSAND, D("2024-07-11"))
    assert owed(statement, D("2024-08-01")) == 945


def test_a_penalty_from_the_day_after_the_due_date_to_the_day_before_payment() -> None:
    assert owed(Segment(50_000, FIVE_PER_TEN_THOUSAND, D("2024-07-11")), D("2024-07-16")) == 125
    assert owed(Segment(100_000, FIVE_PER_TEN_THOUSAND, D("2024-07-11")), D("2024-07-16")) == 250


def test_the_day_of_lending_counts_and_the_day_of_repayment_does_not() -> None:
    loan = Segment(1_000_000, SIX_PER_TEN_THOUSAND, after(0))
    assert owed(loan, after(0)) == 0
    assert owed(loan, after(1)) == 600


def test_principal_repaid_on_the_day_it_was_lent_costs_one_day() -> None:
    one_day = same_day_interest(1_000_000, SIX_PER_TEN_THOUSAND, lent_on=after(0), repaid_on=after(0))
    assert one_day == 600
    assert same_day_interest(1_000_000, SIX_PER_TEN_THOUSAND, lent_on=after(0), repaid_on=after(1)) == 0


def test_posting_every_day_books_the_same_total_as_posting_once() -> None:
    loan = Segment(12_345, AnnualRate(Decimal("0.12"), DayCount.ACTUAL_365), after(0))
    posted = 0
    bookings = []
    for days in range(1, 101):
        bookings.append(to_post(loan, after(days), posted_fen=posted))
        posted += bookings[-1]
    assert posted == round_fen(owed(loan, after(100))) == 406
    assert set(bookings) == {4, 5}, "a day's booking is never more than a fen off the day's interest"


def test_the_product_may_round_otherwise() -> None:
    loan = Segment(1, DailyRate(Decimal("0.5")), after(0))
    assert to_post(loan, after(1), posted_fen=0) == 0
    assert to_post(loan, after(1), posted_fen=0, rounding=Rounding.HALF_UP) == 1


def test_a_backdated_repayment_books_the_difference_back() -> None:
    loan = Segment(1_000_000, SIX_PER_TEN_THOUSAND, after(0))
    posted = to_post(loan, after(10), posted_fen=0)
    replayed = close(loan, after(5), principal_fen=500_000)
    assert to_post(replayed, after(10), posted_fen=posted) == -1500


def test_closing_carries_what_is_owed_exactly() -> None:
    loan = Segment(10_001, AnnualRate(Decimal("0.0948"), DayCount.ACTUAL_ACTUAL), D("2023-12-12"))
    cut = close(loan, D("2024-01-07"), principal_fen=10_001)
    assert owed(cut, D("2024-01-12")) == owed(loan, D("2024-01-12"))
    cheaper = close(cut, D("2024-01-12"), rate=DailyRate(Decimal(0)))
    assert owed(cheaper, D("2024-09-12")) == owed(loan, D("2024-01-12"))


def test_a_rate_in_periods_needs_the_loans_calendar() -> None:
    calendar = DueCalendar.of(D("2024-01-01"), MONTHLY)
    per_period = AnnualRate(Decimal("0.07"), DayCount.PERIOD)
    loan = Segment(8357, per_period, D("2024-02-01"), calendar=calendar)
    assert round_fen(owed(loan, D("2024-02-15"))) == 24
    with pytest.raises(DateError):
        owed(Segment(8357, per_period, D("2024-02-01")), D("2024-02-15"))


def test_a_segment_knows_nothing_of_days_before_it() -> None:
    with pytest.raises(DateError):
        owed(Segment(100, SIX_PER_TEN_THOUSAND, after(1)), after(0))


def test_carried_interest_read_back_from_storage_is_exact() -> None:
    read = Segment(0, SIX_PER_TEN_THOUSAND, after(0), carried_fen=Decimal("7.2"))  # type: ignore[arg-type]
    assert owed(read, after(3)) == Fraction(36, 5)
    with pytest.raises(TypeError):
        Segment(0, SIX_PER_TEN_THOUSAND, after(0), carried_fen=7.2)  # type: ignore[arg-type]


@pytest.mark.parametrize("rate", ["-0.01", "NaN", "Infinity"])
def test_a_rate_is_a_finite_fraction_from_zero_up(rate: str) -> None:
    with pytest.raises(RateError):
        DailyRate(Decimal(rate))
    with pytest.raises(RateError):
        AnnualRate(Decimal(rate), DayCount.ACTUAL_365)


def test_a_rate_never_was_a_float() -> None:
    with pytest.raises(TypeError):
        DailyRate(0.0005)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        AnnualRate(0.18, DayCount.ACTUAL_365)  # type: ignore[arg-type]


def test_a_daily_rate_as_a_simple_annual_one() -> None:
    assert SIX_PER_TEN_THOUSAND.simple_annual == Decimal("0.2190")
