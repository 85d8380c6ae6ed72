"""
The product and the oracle tell the same life of a line, to the fen, whatever happens to it.

Lives are drawn from seeds by the author of `line_stories`, and the one that fails is printed with its seed and made short, as
`./manage.py simulate_line` reads it. Hypothesis draws from the same author, act by act, as a state machine: it goes where the
seeds do not and shrinks better, but takes much longer for a life.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from huabei.models import Accrual, InstalmentOption, InstalmentTerms, SegmentKind, Terms
from ledger.audit import verify
from ledger.chart import FEE_INCOME, INTEREST_ACCRUED, INTEREST_INCOME, PENALTY_ACCRUED, PENALTY_INCOME
from ledger.sql import value
from operations import audit
from operations.services import simulation
from operations.services.closing import close_day, set_business_date
from operations.services.line_story import parse_story, read_event
from operations.services.simulation import simulate
from tests.properties.line_oracle import LineOracle
from tests.properties.line_search import STORIES, seeds, tell_all
from tests.properties.line_stories import (
    NEW_RULES,
    NEW_TERMS_FROM,
    Author,
    Drawn,
    Seeded,
    Story,
    days_of,
    ending,
    happen,
    named_later,
    oracle_of,
    told_by_oracle,
    write_story,
)
from tests.properties.oracle_rules import DAY, Refused


def change_terms() -> None:
    """Other rates, another share and shorter holds from one day on."""
    Terms.objects.create(
        effective_from=NEW_TERMS_FROM,
        revolving_daily_rate="0.0004",
        penalty_daily_rate="0.00075",
        minimum_due_share="0.15",
        hold_days=NEW_RULES.hold_days,
    )
    terms = InstalmentTerms.objects.create(
        effective_from=NEW_TERMS_FROM,
        early_payoff="fees_waived",
        smallest_statement_plan_fen=NEW_RULES.smallest_plan,
    )
    for periods, rate in NEW_RULES.fees.items():
        fee_rate = Decimal(rate.numerator) / rate.denominator
        InstalmentOption.objects.create(terms=terms, periods=periods, fee_rate=fee_rate)


@pytest.fixture(autouse=True)
def terms_that_change(committed_db: str) -> None:
    """The terms of the stories, in a database of the test's own: each story is a transaction there that is rolled back."""
    change_terms()


def told_by_product(story: Story) -> dict[str, Any]:
    ending = simulate(parse_story(json.dumps(story)))
    return ending | {"refused": [(refusal["event"], refusal["code"]) for refusal in ending["refused"]]}


def told_otherwise(story: Story) -> str:
    """What the product says otherwise than the oracle, if anything."""
    product, oracle = told_by_product(story), told_by_oracle(story)
    return "; ".join(
        f"{name}: {product[name]}, and the oracle says {oracle[name]}"
        for name in oracle
        if product[name] != oracle[name]
    )


def test_a_line_lives_as_the_oracle_says() -> None:
    tell_all(12, write_story, told_otherwise)


class Lives(RuleBasedStateMachine):
    """What may happen to a line happens in any order, on days and of amounts that Hypothesis chooses."""

    author: Author

    @initialize(data=st.data())
    def begins(self, data: st.DataObject) -> None:
        self.author = Author.of_a_new_line(Drawn(data.draw))

    @rule(data=st.data(), act=st.sampled_from(Author.ACTS))
    def lives_on(self, data: st.DataObject, act: Callable[[Author], None]) -> None:
        self.author.choose = Drawn(data.draw)
        self.author.go_to(self.author.next_day())
        act(self.author)

    def teardown(self) -> None:
        if hasattr(self, "author"):
            story = self.author.ended()
            said = told_otherwise(story)
            assert not said, f"{said}\necho '{json.dumps(story)}' | ./manage.py simulate_line"


TestLives = pytest.mark.skipif(
    not STORIES, reason="slow: STORIES=100 lets Hypothesis choose lives of its own"
)(Lives.TestCase)
TestLives.settings = settings(
    max_examples=max(4, STORIES // 100),
    stateful_step_count=10,
    derandomize=not STORIES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


# One bank, many lines: opened on several days, with every calendar, through a turn of the year and a change of terms.
FIRST_DAY, LAST_DAY = date(2026, 11, 20), date(2027, 6, 20)
OPENED = (FIRST_DAY, date(2026, 12, 9), date(2026, 12, 31), date(2027, 1, 15))
LINES = max(32, STORIES // 20)


class Together:
    """Lines of one database, told by the product and by one oracle each."""

    def __init__(self, tales: list[Story]) -> None:
        self.tales = tales
        self.agendas = [dict(days_of(tale)) for tale in tales]
        self.later = [named_later(tale) for tale in tales]
        self.oracles: list[LineOracle] = [oracle_of(tale) for tale in tales]
        self.told: list[simulation._Told | None] = [None] * len(tales)
        self.refused: list[list[tuple[int, str]]] = [[] for _ in tales]

    def live(self, day: date) -> None:
        for n, tale in enumerate(self.tales):
            if tale["line"]["opened_on"] == day.isoformat():
                self.told[n] = simulation._begin(parse_story(json.dumps(tale)))
            for position, event in self.agendas[n].get(day, ()):
                told = self.told[n]
                assert told is not None
                told.happen(read_event(event, position))
                try:
                    happen(self.oracles[n], event, at_once=event["ref"] not in self.later[n])
                except Refused as refusal:
                    self.refused[n].append((position, str(refusal)))

    def close(self, day: date) -> None:
        list(close_day(closed_on=day))
        for oracle in self.oracles:
            if oracle.opened_on <= day:
                oracle.end_day(day)

    def standing(self, day: date, kind: int) -> Fraction:
        """What ran on all lines by the end of a day and was on no statement, exactly."""
        return sum(
            (oracle.debts.standing[day][kind] for oracle in self.oracles if day in oracle.debts.standing),
            Fraction(0),
        )

    def posted(self, until: date, kind: int) -> int:
        """What all lines were charged up to a day."""
        return sum(
            fen[kind] for oracle in self.oracles for on, fen in oracle.debts.posted.items() if on <= until
        )

    def fees_charged(self) -> int:
        """What all lines were charged for instalments so far."""
        return sum(oracle.debts.fees_charged for oracle in self.oracles)


def moved(account_id: int, until: date) -> int:
    """Debits less credits of a control account up to a day."""
    return int(
        value(
            "SELECT coalesce(sum(CASE WHEN debit_account_id = %(id)s THEN amount_fen ELSE -amount_fen END), 0)"
            " FROM ledger_transfer WHERE %(id)s IN (debit_account_id, credit_account_id) AND booked_on <= %(until)s",
            {"id": account_id, "until": until},
        )
    )


def test_many_lines_closed_together_live_as_each_of_them_alone() -> None:
    """A set of many is a set of one, and the one income entry a day is the rounded whole of what every line owes exactly."""
    together = Together(
        [
            write_story(Seeded(seed), most_acts=25, openings=OPENED, ends=LAST_DAY)
            for seed in seeds(LINES)[:LINES]
        ]
    )
    set_business_date(on=FIRST_DAY)
    day = FIRST_DAY
    while day < LAST_DAY:
        together.live(day)
        together.close(day)
        for kind, code in enumerate((SegmentKind.REVOLVING, SegmentKind.PENALTY)):
            accrued_id = (INTEREST_ACCRUED, PENALTY_ACCRUED)[kind].control_id
            income_id = (INTEREST_INCOME, PENALTY_INCOME)[kind].control_id
            row = Accrual.objects.filter(closed_on=day, kind=code).first()
            exact = together.standing(day, kind)
            assert (row.accrued_fen if row else 0, moved(accrued_id, day)) == (round(exact), round(exact)), (
                day
            )
            # Income since the first day is what was charged and what stands: nothing drifts.
            assert -moved(income_id, day) == together.posted(day, kind) + round(exact), day
        # Fees are income when they are billed or charged; the statements of the next morning are issued by now.
        assert -moved(FEE_INCOME.control_id, day + DAY) == together.fees_charged(), day
        day += DAY
    together.live(LAST_DAY)
    for n, tale in enumerate(together.tales):
        told = together.told[n]
        assert told is not None
        product = simulation._ending(told, LAST_DAY)
        product["refused"] = [(refusal["event"], refusal["code"]) for refusal in product["refused"]]
        expected = ending(together.oracles[n], LAST_DAY) | {"refused": together.refused[n]}
        assert product == expected, f"echo '{json.dumps(tale)}' | ./manage.py simulate_line"
    assert [finding.check.name for finding in verify(audit.CHECKS) if not finding.holds] == []
