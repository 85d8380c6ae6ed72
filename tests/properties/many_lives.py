"""Many lines in one database, each told by the product and by an oracle of its own, and closed together day after day."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import pytest

from huabei.models import Accrual, SegmentKind
from ledger.audit import verify
from ledger.chart import FEE_INCOME, INTEREST_ACCRUED, INTEREST_INCOME, PENALTY_ACCRUED, PENALTY_INCOME
from ledger.sql import value
from operations.audit import CHECKS, REPLAYS
from operations.services import simulation
from operations.services.closing import close_day, set_business_date
from operations.services.line_story import parse_story, read_event
from tests.properties.line_author import Seeded, write_story
from tests.properties.line_oracle import LineOracle
from tests.properties.line_product import differences, told_otherwise
from tests.properties.line_search import shortened
from tests.properties.line_stories import Story, days_of, ending, happen, named_later, oracle_of
from tests.properties.oracle_rules import DAY, Refused


@dataclass(frozen=True)
class Span:
    """The days that the lines of a bank live through: they are opened within so many days of the first."""

    first: date
    last: date
    opened_within: int

    @property
    def openings(self) -> list[date]:
        return [self.first + n * DAY for n in range(self.opened_within)]


class Life:
    """One line of the bank: its story, the product's telling of it and the oracle's."""

    def __init__(self, seed: int, span: Span, most_acts: int) -> None:
        self.seed = seed
        self.tale = write_story(Seeded(seed), most_acts=most_acts, openings=span.openings, ends=span.last)
        self.agenda = dict(days_of(self.tale))
        self.later = named_later(self.tale)
        self.oracle: LineOracle = oracle_of(self.tale)
        self.told: simulation._Told | None = None
        self.refused: list[tuple[int, str]] = []

    def live(self, day: date) -> None:
        """What happens on a day, to the product and to the oracle."""
        if day == self.oracle.opened_on:
            self.told = simulation._begin(parse_story(json.dumps(self.tale)))
        for position, event in self.agenda.get(day, ()):
            assert self.told is not None
            self.told.happen(read_event(event, position))
            try:
                happen(self.oracle, event, at_once=event["ref"] not in self.later)
            except Refused as refusal:
                self.refused.append((position, str(refusal)))

    def otherwise(self, on: date) -> str:
        """What the product says otherwise than the oracle, if anything."""
        assert self.told is not None
        product = simulation._ending(self.told, on)
        product["refused"] = [(refusal["event"], refusal["code"]) for refusal in product["refused"]]
        return differences(product, ending(self.oracle, on) | {"refused": self.refused})


class Bank:
    """The lives of these seeds, in a database of which they are the only lines."""

    def __init__(self, seeds: range, span: Span, most_acts: int) -> None:
        self.span = span
        self.lives = [Life(seed, span, most_acts) for seed in seeds]

    def live(self) -> str:
        """Lives through the span, compares every day's income and at last every line; what it was, in a sentence."""
        day = self.span.first
        set_business_date(on=day)
        while day < self.span.last:
            self._events_of(day)
            with self._close_of(day):
                list(close_day(closed_on=day))
            for life in self.lives:
                if life.oracle.opened_on <= day:
                    life.oracle.end_day(day)
            try:
                self._compare_income(day)
            except AssertionError:
                self._compare_lives(day + DAY)
                raise
            day += DAY
        self._events_of(day)
        self._compare_lives(day)
        broken = [finding for finding in verify((*CHECKS, *REPLAYS)) if not finding.holds]
        assert not broken, [(finding.check.name, finding.faults[:3]) for finding in broken]
        return self._sentence()

    def _compare_lives(self, on: date) -> None:
        for life in self.lives:
            if life.told is not None and (said := life.otherwise(on)):
                _fail(life, said)

    def _events_of(self, day: date) -> None:
        for life in self.lives:
            try:
                life.live(day)
            except Exception as error:  # whatever it is, its seed is told
                _fail(life, f"on {day}: {error!r}")

    @contextmanager
    def _close_of(self, day: date) -> Iterator[None]:
        """Where the close itself fails, the life that does it alone too is told."""
        try:
            yield
        except Exception as error:
            for life in self.lives:
                if _fault(life.tale):
                    _fail(life, f"the close of {day}: {error!r}")
            raise

    def _compare_income(self, day: date) -> None:
        """The one income entry a day is the rounded whole of what every line owes exactly."""
        for kind, code in enumerate((SegmentKind.REVOLVING, SegmentKind.PENALTY)):
            accrued_id = (INTEREST_ACCRUED, PENALTY_ACCRUED)[kind].control_id
            income_id = (INTEREST_INCOME, PENALTY_INCOME)[kind].control_id
            row = Accrual.objects.filter(closed_on=day, kind=code).first()
            exact = self._standing(day, kind)
            assert (row.accrued_fen if row else 0, _moved(accrued_id, day)) == (round(exact), round(exact)), (
                day
            )
            # Income since the first day is what was charged and what stands: nothing drifts.
            assert -_moved(income_id, day) == self._posted(day, kind) + round(exact), day
        # Fees are income when they are billed or charged; the statements of the next morning are issued by now.
        fees_charged = sum(life.oracle.debts.fees_charged for life in self.lives)
        # A shop's campaign pays the fee when the purchase is charged.
        fees_charged += sum(
            campaign.paid for life in self.lives for campaign in life.oracle.campaigns.by_ref.values()
        )
        assert -_moved(FEE_INCOME.control_id, day + DAY) == fees_charged, day

    def _standing(self, day: date, kind: int) -> Fraction:
        """What ran on all lines by the end of a day and was on no statement, exactly."""
        every = (life.oracle.debts.standing for life in self.lives)
        return sum((standing[day][kind] for standing in every if day in standing), Fraction(0))

    def _posted(self, until: date, kind: int) -> int:
        """What all lines were charged up to a day."""
        return sum(
            fen[kind] for life in self.lives for on, fen in life.oracle.debts.posted.items() if on <= until
        )

    def _sentence(self) -> str:
        lives = self.lives
        events = sum(len(life.tale["events"]) for life in lives)
        refused = sum(len(life.refused) for life in lives)
        statements = sum(len(life.oracle.statements) for life in lives)
        collections = sum(len(life.oracle.sources.tries) for life in lives)
        return (
            f"{len(lives)} lives, seeds {lives[0].seed} to {lives[-1].seed}, {self.span.first} to {self.span.last}: "
            f"{events} events, {refused} of them refused, {statements} statements, {collections} collections; "
            "every line equal to its oracle to the fen, books proved, every line replayed"
        )


def _fault(tale: Story) -> str:
    """What is wrong with a story when its line lives alone, be it that the product breaks."""
    try:
        return told_otherwise(tale)
    except Exception as error:
        return repr(error)


def _fail(life: Life, said: str) -> None:
    """Fails with the life's seed, and with its story, made short where it goes wrong alone too."""
    alone = _fault(life.tale)
    tale = shortened(life.tale, _fault) if alone else life.tale
    pytest.fail(
        f"SEED={life.seed}: {said}\n\n{'In short' if alone else 'Not when it is told alone'}: {_fault(tale)}\n\n"
        f"echo '{json.dumps(tale)}' | ./manage.py simulate_line",
        pytrace=False,
    )


def _moved(account_id: int, until: date) -> int:
    """Debits less credits of a control account up to a day."""
    return int(
        value(
            "SELECT coalesce(sum(CASE WHEN debit_account_id = %(id)s THEN amount_fen ELSE -amount_fen END), 0)"
            " FROM ledger_transfer WHERE %(id)s IN (debit_account_id, credit_account_id) AND booked_on <= %(until)s",
            {"id": account_id, "until": until},
        )
    )
