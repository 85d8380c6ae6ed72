"""
The author of stories: drawn at random but aimed, at due days and statement days, at the exact minimum, total and last fen.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date
from fractions import Fraction
from typing import Any, ClassVar, Protocol, TypeVar

from hypothesis import strategies as st

from tests.properties.line_stories import Event, Story, happen, oracle_of, yuan
from tests.properties.oracle_rules import DAY, OFFERED, Refused, to_fen

T = TypeVar("T")

CALENDARS = ((1, 10), (5, 15), (10, 20), (15, 25), (25, 10), (28, 1))
# Leap and common Februaries, a turn of the year, short and long months, and the day on which the terms change.
OPENINGS = (
    date(2023, 12, 18),
    date(2024, 1, 1),
    date(2024, 1, 31),
    date(2026, 5, 20),
    date(2026, 12, 9),
    date(2027, 1, 15),
    date(2027, 9, 25),
)
LIMITS = (500_00, 1_234_57, 8_000_00, 50_000_00)


class Choices(Protocol):
    """Where an author's ideas come from: Hypothesis, which shrinks what fails, or a seed, which is quick."""

    def integer(self, low: int, high: int) -> int: ...

    def one_of(self, things: Sequence[T]) -> T: ...


class Drawn:
    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self._draw = draw

    def integer(self, low: int, high: int) -> int:
        return int(self._draw(st.integers(low, high)))

    def one_of(self, things: Sequence[T]) -> T:
        return things[self.integer(0, len(things) - 1)]


class Seeded:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def integer(self, low: int, high: int) -> int:
        return self._random.randint(low, high)

    def one_of(self, things: Sequence[T]) -> T:
        return self._random.choice(things)


class Author:
    """Writes a story while an oracle lives through it, so that amounts and days can be aimed."""

    def __init__(self, choose: Choices, story: Story) -> None:
        self.choose = choose
        self.story = story
        self.oracle = oracle_of(story)
        self.day = self.oracle.opened_on
        self.agenda: dict[date, list[Event]] = defaultdict(list)

    def write(self, event: Event, *, at_once: bool = True) -> None:
        self.story["events"].append(event)
        try:
            happen(self.oracle, event, at_once=at_once)
        except Refused:
            return

    def go_to(self, day: date) -> None:
        while self.day < day:
            self.oracle.end_day(self.day)
            self.day += DAY
            for event in self.agenda.pop(self.day, ()):
                self.write(event)

    def next_day(self) -> date:
        """Today, soon, or a day on which something turns: due day, the day after it, statement day, the day before it."""
        aims = [self.day, self.day + DAY, self.day + self.choose.integer(2, 45) * DAY]
        for on in (self.day + ahead * DAY for ahead in range(1, 32)):
            if on.day == self.oracle.debts.statement_day:
                aims += [on, on - DAY]
            if on.day == self.oracle.debts.due_day:
                aims += [on, on + DAY, on + self.choose.integer(2, 9) * DAY]
        return self.choose.one_of(sorted(set(aims)))

    def amount(self, *aims: int, most: int) -> int:
        """One of these amounts, or a fen more or less, or any up to `most`."""
        near = sorted({aim + off for aim in aims for off in (-1, 0, 1) if aim + off > 0})
        if near and self.choose.integer(0, 2):
            return self.choose.one_of(near)
        return self.choose.integer(1, max(most, 1))

    def a_day_before(self) -> date:
        """A day that has passed, or today: any, or one on which something turned."""
        oracle, first = self.oracle, self.oracle.opened_on
        aims = [self.day - self.choose.integer(0, 70) * DAY]
        for asked in oracle.debts.asked_ever[-4:]:
            aims += [on + off * DAY for on in (asked.issued_on, asked.due_on) for off in (-1, 0, 1)]
        aims += [paid.value_on for paid in oracle.repayments.values()]
        return self.choose.one_of(sorted({on for on in aims if first <= on <= self.day} or {first}))

    def purchase(self) -> None:
        available = max(self.oracle.available, 0)
        ref = f"p{len(self.story['events'])}"
        fen = self.amount(available, self.oracle.debts.credit, available // 2, most=max(available, 100))
        held = self.choose.integer(0, 3) == 0
        event = self._event("purchase", ref, fen)
        who = self.choose.integer(0, 7)
        if who < 2:
            event["instalments"] = self._periods()
            if (running := self.oracle.campaigns.by_ref) and self.choose.integer(0, 3):
                event["campaign"] = self.choose.one_of(sorted(running))
                event["instalments"] = running[event["campaign"]].periods
        elif who < 5 and self.oracle.shares.every:
            event["share"] = self.choose.one_of(["friend", "child"])
        escrow = self.choose.integer(0, 3) == 0
        event |= {"escrow": True} if escrow else {}
        if self.oracle.shops.on_receipt(self.day, escrow=escrow):
            self._in_escrow(event, fen)
            return
        self.write(event, at_once=not held)
        for _ in range(self.choose.integer(1, 4) if held else 0):
            on = self.day + self.choose.integer(1, 9) * DAY
            kind = self.choose.one_of(["capture", "capture", "capture", "void"])
            if kind == "void":
                self.agenda[on].append(self._event(kind, ref, None, on))
                continue
            part = self.choose.one_of([None, fen, max(fen // 3, 1), max(fen // 3, 1), fen + 1])
            final = {} if self.choose.integer(0, 2) == 0 else {"final": False}
            self.agenda[on].append(self._event(kind, ref, part, on) | final)

    def campaign(self) -> None:
        """The shop pays the fee of instalments for some weeks, or of few of them; promises something else; or stops."""
        every = self.oracle.campaigns.by_ref
        known = sorted(ref for ref in every if every[ref].ended_on is None) or sorted(every)
        act = self.choose.one_of(["begins", "changes", "changes", "changes", "ends"]) if known else "begins"
        if act == "begins":
            self._bought_under(self._campaign_begins())
            return
        ref = self.choose.one_of(known)
        if act == "ends":
            self.write(self._event("campaign_ended", ref, None))
            return
        self.write(self._campaign_changed(ref, self.day))
        self._bought_under(ref)

    def _bought_under(self, ref: str) -> None:
        """Something for which a campaign is to pay: near its smallest, its largest, or as much as its budget covers."""
        campaign = self.oracle.campaigns.by_ref.get(ref)
        if campaign is None:
            return
        fee = self.oracle.rules(self.day).fees.get(campaign.periods, Fraction(1, 100))
        largest = min(campaign.figures.largest, self.oracle.available)
        fen = self.amount(campaign.figures.smallest, largest, int(campaign.left / fee), most=largest)
        event = self._event("purchase", f"p{len(self.story['events'])}", fen)
        event |= {"instalments": campaign.periods, "campaign": ref}
        if self.oracle.shops.on_receipt(self.day, escrow=False):
            self._in_escrow(event, fen)
        else:
            self.write(event)

    def _campaign_begins(self) -> str:
        periods = self._periods()
        fee = self.oracle.rules(self.day).fees.get(periods, Fraction(1, 100))
        budget = self.amount(to_fen(fee * self.oracle.available), to_fen(fee * 100_00), most=200_00)
        event = self._event("campaign", f"k{len(self.story['events'])}", budget) | {
            "last_day": (self.day + self.choose.integer(-1, 60) * DAY).isoformat(),
            "instalments": periods,
        }
        if self.choose.integer(0, 2) == 0:
            event["first_day"] = (self.day + self.choose.integer(-1, 20) * DAY).isoformat()
        if self.choose.integer(0, 1):
            event |= {
                "smallest": "50.00",
                "largest": yuan(self.choose.one_of([49_99, 50_00, self.oracle.limit, self.oracle.limit])),
            }
        self.write(event)
        ref = str(event["ref"])
        if ref in self.oracle.campaigns.by_ref:
            for _ in range(self.choose.integer(0, 2)):
                on = self.day + self.choose.integer(1, 20) * DAY
                self.agenda[on].append(self._campaign_changed(ref, on))
        return ref

    def _campaign_changed(self, ref: str, on: date) -> Event:
        """More or less of one thing, or of two: near what is promised, near that day, near what it was."""
        campaign, choose = self.oracle.campaigns.by_ref[ref], self.choose
        figures, event = campaign.figures, self._event("campaign_changed", ref, None, on)
        for name in [choose.one_of(["amount", "first_day", "last_day", "smallest", "largest"]) for _ in "ab"]:
            if name.endswith("day"):
                near = [on, figures.starts_on, figures.last_day, on + choose.integer(2, 40) * DAY]
                event[name] = (choose.one_of(near) + choose.integer(-1, 1) * DAY).isoformat()
            elif name == "amount":
                event[name] = yuan(self.amount(campaign.promised, figures.budget, most=200_00))
            else:
                sizes = (min(figures.smallest, 100_00), min(figures.largest, 50_000_00))
                event[name] = yuan(self.amount(*sizes, most=self.oracle.limit + 1))
        return event

    def sharing(self) -> None:
        """Somebody is invited, accepts, is given another cap, or the share ends; a purchase through it is near its cap."""
        ref, shares = self.choose.one_of(["friend", "child"]), self.oracle.shares
        known = [share for share in shares.every if share.ref == ref]
        spent = known[-1].spent.get(self.day.replace(day=1), 0) if known else 0
        cap = self.amount(spent, 100_00, 300_00, most=self.oracle.limit)
        if not known or known[-1].status == "closed":
            self.write(self._event("share", ref, cap))
            if self.choose.integer(0, 5):
                self.write(self._event("share_accepted", ref, None))
                self._shared(ref, cap)
            return
        kind = self.choose.one_of(
            [
                *("purchase", "purchase", "share_cap", "share_cap"),
                *("share_ended", "share_left", "share", "share_accepted"),
            ]
        )
        if kind == "purchase":
            fen = self.amount(known[-1].cap - spent, self.oracle.available, most=known[-1].cap)
            self.write(self._event(kind, f"p{len(self.story['events'])}", fen) | {"share": ref})
        else:
            self.write(self._event(kind, ref, cap if kind in ("share", "share_cap") else None))

    def _shared(self, ref: str, cap: int) -> None:
        """What becomes of a share in the weeks after it was accepted."""
        for n in range(self.choose.integer(0, 3)):
            on = self.day + self.choose.integer(0, 25) * DAY
            kind = self.choose.one_of(["purchase", "purchase", "share_cap", "share_left", "share_ended"])
            if kind == "purchase":
                bought = self._event(
                    kind, f"h{len(self.story['events'])}-{n}", self.amount(cap, most=cap), on
                )
                event = bought | {"share": ref}
            else:
                event = self._event(
                    kind, ref, self.amount(cap, cap // 2, most=cap) if kind == "share_cap" else None, on
                )
            if on == self.day:
                self.write(event)
            else:
                self.agenda[on].append(event)

    def _in_escrow(self, event: Event, fen: int) -> None:
        """Paid, and perhaps given back, voided, charged or confirmed before its time is over; or near the day when it is."""
        self.write(event)
        ref, last = event["ref"], self.oracle.rules(self.day).receipt_days
        for _ in range(self.choose.integer(0, 3)):
            ahead = self.choose.one_of([self.choose.integer(1, last), last - 1, last, last + 1])
            kind = self.choose.one_of(["receipt", "receipt", "refund", "refund", "void", "capture"])
            part = (
                self.choose.one_of([None, fen // 2 or 1, 1, fen]) if kind in ("refund", "capture") else None
            )
            on = self.day + ahead * DAY
            self.agenda[on].append(self._event(kind, ref, part, on))

    def posting(self) -> None:
        """A shop posts otherwise, or as before, from today or soon; now and then from a day that is over or was named."""
        escrow = self.choose.integer(0, 1) == 0
        waits = self.oracle.shops.on_receipt(self.day, escrow=escrow) != (self.choose.integer(0, 4) > 0)
        said = [on for on in self.oracle.shops.said[escrow] if on >= self.day]
        soon = [self.day, self.day, self.day + DAY, self.day + self.choose.integer(2, 20) * DAY]
        first_day = self.choose.one_of([*soon, *soon, self.day - DAY, *said])
        event = self._event("posting", f"t{len(self.story['events'])}", None)
        event |= {"posting": "receipt" if waits else "payment"} | ({"escrow": True} if escrow else {})
        self.write(event if first_day == self.day else event | {"first_day": first_day.isoformat()})
        self.purchase()

    def receipt(self) -> None:
        """Something is said to have come: what waits, as often as not."""
        waits = [ref for ref, bought in self.oracle.purchases.items() if bought.waits]
        self.write(
            self._event("receipt", self.choose.one_of(waits or sorted(self.oracle.purchases) or ["p0"]), None)
        )

    def refund(self) -> None:
        ref = self.choose.one_of(sorted(self.oracle.purchases) or ["p0"])
        bought = self.oracle.purchases.get(ref)
        left = (bought.left if bought.waits else bought.captured - bought.refunded) if bought else 1
        aims = (left, self.oracle.debts.billed_principal, self.oracle.debts.unbilled)
        fen = None if self.choose.integer(0, 1) else self.amount(*aims, most=left)
        self.write(self._event("refund", ref, fen))

    def repayment(self) -> None:
        debts = self.oracle.debts
        asked = sum(asked.fen for asked in debts.asked)
        fen = self.amount(
            asked,
            debts.asked[0].fen if debts.asked else 0,
            debts.running,
            asked + debts.running,
            debts.billed_total,
            debts.billed_total + debts.running,
            debts.owed,
            most=debts.owed + 1000,
        )
        again = sorted(self.oracle.repayments)
        ref = self.choose.one_of(again) if again and self.choose.integer(0, 19) == 0 else None
        self.write(self._event("repayment", ref or f"r{len(self.story['events'])}", fen))

    def late_repayment(self) -> None:
        """What counts from an earlier day; now and then it is told again, or from a day on which it cannot have come."""
        oracle = self.oracle
        asked = oracle.debts.asked_ever[-3:]
        aims = [oracle.debts.owed, oracle.debts.billed_total, *(each.in_all for each in asked)]
        fen = self.amount(*aims, most=oracle.debts.owed + 1000)
        value_on, ref = self.a_day_before(), f"r{len(self.story['events'])}"
        odd = self.choose.integer(0, 29)
        if odd == 0:
            value_on = self.choose.one_of([self.day + DAY, oracle.opened_on - DAY])
        elif odd == 1 and oracle.repayments:
            ref = self.choose.one_of(sorted(oracle.repayments))
            fen = oracle.repayments[ref].fen
            value_on = self.choose.one_of([value_on, oracle.repayments[ref].value_on])
        self.write(self._event("repayment", ref, fen) | {"value_date": value_on.isoformat()})

    def reversal(self) -> None:
        """A repayment bounces, or a purchase is taken back; perhaps again."""
        refs = [*sorted(self.oracle.repayments) * 2, *sorted(self.oracle.purchases)]
        self.write(self._event("reversal", self.choose.one_of(refs or ["p0"]), None))

    def calendar_change(self) -> None:
        """Statements move to another day, or the same; now and then it is asked for too early again."""
        event = self._event("calendar_change", f"c{len(self.story['events'])}", None)
        self.write(event | {"statement_day": self.choose.one_of(sorted(OFFERED))})

    def statement_plan(self) -> None:
        most = self.oracle.to_spread(self.day) or 0
        smallest = self.oracle.rules(self.day).smallest_plan
        if most < smallest and self.choose.integer(0, 3):
            self.purchase()
            return
        fen = self.amount(most, smallest, most // 2, most=most)
        event = self._event("statement_plan", f"s{len(self.story['events'])}", fen)
        self.write(event | {"instalments": self._periods()})

    def payoff(self) -> None:
        refs = [plan.ref for plan in self.oracle.debts.plans if plan.to_come]
        if not refs and self.choose.integer(0, 3):
            self.purchase()
            return
        self.write(self._event("payoff", self.choose.one_of(refs or ["p0", "none"]), None))

    def _periods(self) -> int:
        return self.choose.one_of([*sorted(self.oracle.rules(self.day).fees), 4])

    def limit(self) -> None:
        """The limit is set, at or near what is drawn as often as not; or raised for some days."""
        oracle, ref = self.oracle, f"l{len(self.story['events'])}"
        if self.choose.integer(0, 2):
            used = oracle.drawn + oracle.held
            fen = self.amount(used, used // 2, oracle.limit, most=2 * oracle.limit)
            self.write(self._event("limit", ref, fen))
        else:
            last_day = self.day + self.choose.integer(-1, 40) * DAY
            event = self._event("temporary_limit", ref, self.amount(oracle.limit // 2, most=oracle.limit))
            self.write(event | {"last_day": last_day.isoformat()})

    def freeze(self) -> None:
        """The line is frozen for one of two causes, and thawed some days later; or closed; or credit is paid out."""
        ref = f"f{len(self.story['events'])}"
        if self.oracle.debts.credit or self.choose.integer(0, 9) == 0:
            self.write(self._event("credit_payout", ref, self.amount(self.oracle.debts.credit, most=1000)))
            return
        if self.choose.integer(0, 5) == 0:
            self.write(self._event("close", ref, None))
            return
        self.write(self._event("freeze", ref, None) | {"cause": self.choose.one_of(["fraud", "cash_out"])})
        on = self.day + self.choose.integer(0, 20) * DAY
        if on == self.day:
            self.write(self._event("thaw", ref, None))
        else:
            self.agenda[on].append(self._event("thaw", ref, None, on))

    def sources(self) -> None:
        """The customer adds a card, or has more or less on one; or chooses what of a bill is collected."""
        if self.choose.integer(0, 3) == 0:
            event = self._event("autopay", f"a{len(self.story['events'])}", None)
            self.write(event | {"choice": self.choose.one_of(["full", "minimum", "off"])})
            return
        debts = self.oracle.debts
        asked = sum(asked.fen for asked in debts.asked)
        fen = self.amount(asked, debts.billed_total, debts.owed, asked // 2, most=2 * debts.owed + 1000)
        self.write(self._event("source", self.choose.one_of(["card", "wallet", "other card"]), fen))

    def _event(self, kind: str, ref: str, fen: int | None, on: date | None = None) -> Event:
        event = {"on": (on or self.day).isoformat(), "type": kind, "ref": ref}
        return event if fen is None else event | {"amount": yuan(fen)}

    # What happens to a line, the more often the likelier.
    ACTS: ClassVar[tuple[Callable[[Author], None], ...]] = (
        *(purchase, repayment, repayment, refund, statement_plan, payoff) * 2,
        *(late_repayment, late_repayment, reversal, receipt),
        *(sharing, sharing, sharing, campaign, campaign, posting, posting),
        *(limit, limit, freeze, calendar_change, sources, sources),
    )

    @classmethod
    def of_a_new_line(cls, choose: Choices, openings: Sequence[date] = OPENINGS) -> Author:
        """Begins a story: a line, and something bought on the day on which it is opened."""
        statement_day, due_day = choose.one_of(CALENDARS)
        line = {
            "limit": yuan(choose.one_of(LIMITS)),
            "statement_day": statement_day,
            "due_day": due_day,
            "opened_on": choose.one_of(openings).isoformat(),
        }
        author = cls(choose, {"line": line, "events": []})
        author.purchase()
        return author

    def ended(self, on: date | None = None) -> Story:
        """The story, once all that was to come of it has happened."""
        until = on or max([self.next_day(), *self.agenda])
        self.go_to(until)
        return self.story | {"until": until.isoformat()}


def write_story(
    choose: Choices, *, most_acts: int = 12, openings: Sequence[date] = OPENINGS, ends: date | None = None
) -> Story:
    """A line and up to `most_acts` things that happen to it, over some months; until `ends` where given."""
    author = Author.of_a_new_line(choose, openings)
    for _ in range(choose.integer(1, most_acts)):
        day = author.next_day()
        if ends is not None and day > ends:
            break
        author.go_to(day)
        choose.one_of(Author.ACTS)(author)
    return author.ended(ends)
