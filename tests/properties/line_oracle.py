"""
The life of one credit line, told a second time: no database, no shared code, whole fen and fractions, day by day.

Written from DOMAIN 2 and docs/MONEY_RULES.md to be compared with the product (test_lines.py, test_many_lives.py). This is the
line as it is known: what it refuses, what is held, the statements as they were issued. What is owed is in `oracle_debts`,
instalments are in `oracle_plans`, limits, freezes and the end of a line in `line_changes`, what is collected from the
customer's sources in `oracle_sources`.

A fact that is learned late is told by its definition: the debts are lived anew from the opening, with all facts in the order
of the days from which they count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction

from tests.properties.line_changes import Changes
from tests.properties.oracle_campaigns import Campaigns, Promise
from tests.properties.oracle_debts import Debts
from tests.properties.oracle_plans import Chosen
from tests.properties.oracle_rules import DAY, OFFERED, Refused, Rules, a_year_after, to_fen
from tests.properties.oracle_shares import Share, Shares
from tests.properties.oracle_shops import Shops
from tests.properties.oracle_sources import Sources


@dataclass
class Taken:
    """One capture, and what was given back of it."""

    fen: int
    posted_on: date
    refunded: int = 0


@dataclass
class Bought:
    """
    One purchase: authorised, and perhaps captured. `ended` says that its hold is over: captured, voided, given back before it
    came, or expired.
    """

    bought_on: date
    amount: int
    last_day: date
    ended: str = ""
    # Paid at once and posted when it comes; what was given back before that, and whether the buyer said that it came.
    in_escrow: bool = False
    cancelled: int = 0
    confirmed: bool | None = None
    voided: bool = False
    taken_back: bool = False
    captures: list[Taken] = field(default_factory=list)
    # Who bought it, where it was not the owner.
    share: Share | None = None
    # What the shop pays of its fee.
    promise: Promise | None = None
    # The instalments that were chosen with it, as they were offered when it was authorised.
    instalments: Chosen | None = None

    @property
    def captured(self) -> int:
        return sum(taken.fen for taken in self.captures)

    @property
    def refunded(self) -> int:
        return sum(taken.refunded for taken in self.captures)

    @property
    def left(self) -> int:
        """What is neither captured nor given back before."""
        return self.amount - self.captured - self.cancelled

    def end(self, how: str) -> None:
        """Its hold is over: what is left of it comes back."""
        self.ended = how
        if self.promise:
            self.promise.end()
        self.come_back(self.left)

    def come_back(self, fen: int) -> None:
        """Of what was bought through a share, this is given back to the month in which it was bought."""
        if self.share:
            self.share.spent[self.bought_on.replace(day=1)] -= fen

    @property
    def waits(self) -> bool:
        """Whether it is paid and did not come yet."""
        return self.in_escrow and not self.ended


@dataclass
class Paid:
    """One repayment, and whether it bounced."""

    fen: int
    value_on: date
    bounced: bool = False


@dataclass(frozen=True)
class Fact:
    """Something that changed what is owed, the day from which it counts, and its name."""

    on: date
    name: str
    happens: Callable[[Debts], None]


@dataclass
class LineOracle(Changes):
    """A line from the morning it is opened. Tell it what happens on a day, then `end_day`, day after day."""

    limit: int
    statement_day: int
    due_day: int
    opened_on: date
    rules: Callable[[date], Rules] = lambda _on: Rules()

    purchases: dict[str, Bought] = field(default_factory=dict)
    repayments: dict[str, Paid] = field(default_factory=dict)
    statements: list[dict[str, object]] = field(default_factory=list)
    paid_out: dict[str, int] = field(default_factory=dict)
    paid_off: dict[str, int] = field(default_factory=dict)
    moved_on: date | None = None
    sources: Sources = field(default_factory=Sources)
    shares: Shares = field(default_factory=Shares)
    campaigns: Campaigns = field(default_factory=Campaigns)
    # In the order in which they were learned.
    facts: list[Fact] = field(default_factory=list)
    debts: Debts = field(init=False)
    shops: Shops = field(init=False)
    # By how much late facts changed what had been charged, since the last statement.
    corrected: int = 0

    late_minimum: bool = False
    freezes: dict[str, str] = field(default_factory=dict)
    ended_freezes: set[str] = field(default_factory=set)
    temporary: list[tuple[int, date]] = field(default_factory=list)
    closed: bool = False

    def __post_init__(self) -> None:
        self.debts = self._born()
        self.shops = Shops(self.opened_on)

    # --- what stands on the line ---

    @property
    def drawn(self) -> int:
        return self.debts.drawn

    @property
    def owed(self) -> int:
        return self.debts.owed

    @property
    def held(self) -> int:
        return sum(bought.left for bought in self.purchases.values() if not bought.ended)

    def overdue(self, on: date) -> int:
        return self.debts.overdue(on)

    # --- what happens to it ---

    def purchase(
        self,
        on: date,
        ref: str,
        fen: int,
        *,
        capture: bool,
        instalments: int | None = None,
        escrow: bool = False,
        share: str | None = None,
        campaign: str | None = None,
    ) -> None:
        through = self.shares.to_spend(share) if share else None
        if self.status != "active":
            raise Refused("line_not_active")
        pays = None
        if campaign and instalments:
            if instalments not in self.rules(on).fees:
                raise Refused("campaign_over")
            pays = self.campaigns.for_purchase(on, campaign, fen, instalments, escrow=escrow)
        chosen = self._chosen(on, instalments) if instalments else None
        month = on.replace(day=1)
        if through and through.spent.get(month, 0) + fen > through.cap:
            raise Refused("share_cap_exceeded")
        if fen > self.available:
            raise Refused("limit_exceeded")
        promise = Promise(pays, to_fen(chosen.fee * fen)) if pays and chosen else None
        if promise and promise.fen > promise.campaign.left:
            raise Refused("campaign_over")
        if promise:
            promise.campaign.promised += promise.fen
        if through:
            through.spent[month] += fen
        waits = self.shops.on_receipt(on, escrow=escrow)
        days = self.rules(on).receipt_days if waits else self.rules(on).hold_days
        self.purchases[ref] = Bought(
            on, fen, on + days * DAY, in_escrow=waits, share=through, promise=promise, instalments=chosen
        )
        if capture and not waits:
            self.capture(on, ref, None)

    def capture(self, on: date, ref: str, fen: int | None, *, final: bool = True) -> None:
        bought = self._bought(ref)
        if bought.in_escrow:
            raise Refused("purchase_awaits_receipt")
        if bought.ended:
            raise Refused("purchase_not_authorised")
        fen = bought.left if fen is None else fen
        if fen > bought.left:
            raise Refused("amount_refused")
        self._take(on, ref, fen, final=final)

    def receive(self, on: date, ref: str, *, confirmed: bool = True) -> None:
        """What was bought in escrow came: all that was not given back before is posted today. Said again, nothing changes."""
        bought = self._bought(ref)
        if bought.confirmed is not None:
            return
        if not bought.waits:
            raise Refused("purchase_not_authorised")
        bought.confirmed = confirmed
        self._take(on, ref, bought.left, final=True)

    def _take(self, on: date, ref: str, fen: int, *, final: bool) -> None:
        bought, drawn, chosen = self.purchases[ref], fen, self.purchases[ref].instalments
        if bought.promise and chosen:
            bought.promise.pay(to_fen(chosen.fee * fen))
            chosen = replace(chosen, fee=Fraction(0))
        bought.captures.append(Taken(fen, on))
        if final or not bought.left:
            bought.end("captured")
        if chosen:
            self._learn(on, f"bought {ref}", lambda d: d.draw_in_instalments(on, ref, drawn, chosen))
        else:
            self._learn(on, f"bought {ref}", lambda d: d.draw(drawn))

    def void(self, on: date, ref: str) -> None:
        """The shop gives up what it did not charge; of what is paid and did not come, that is a refund of all of it."""
        bought = self._bought(ref)
        if bought.waits:
            self._cancel(bought, bought.left)
        if bought.ended == "given back":
            return
        if bought.ended and not bought.voided:
            raise Refused("purchase_not_authorised")
        if not bought.ended:
            bought.end("voided")
        bought.voided = True

    def refund(self, on: date, ref: str, fen: int | None) -> None:
        bought = self._bought(ref)
        if bought.waits:
            self._cancel(bought, bought.left if fen is None else fen)
            return
        if not bought.captures or bought.taken_back:
            raise Refused("purchase_not_authorised")
        left = bought.captured - bought.refunded
        fen = left if fen is None else fen
        if fen > left or left == 0:
            raise Refused("amount_refused")
        bought.come_back(fen)
        parts = []
        for taken in reversed(bought.captures):
            back = min(fen, taken.fen - taken.refunded)
            taken.refunded += back
            fen -= back
            parts.append((taken.posted_on, back))
        self._learn(on, f"refunded {ref}", lambda d: d.give_back(on, ref, parts))

    def _cancel(self, bought: Bought, fen: int) -> None:
        """Before it came, what is given back comes off what is held; given back whole, there is nothing to come."""
        if fen > bought.left:
            raise Refused("amount_refused")
        bought.cancelled += fen
        bought.come_back(fen)
        if not bought.left:
            bought.end("given back")

    def repay(self, on: date, ref: str, fen: int, value_on: date | None = None) -> None:
        """Money came, and counts from its value date: today, or a day that has passed."""
        value_on = counts_from = value_on or on
        first = self.repayments.get(ref)
        if first is not None:
            if first.fen != fen or value_on != first.value_on:
                raise Refused("request_conflict")
            return
        if not self.opened_on <= value_on <= on:
            raise Refused("date_refused")
        self.repayments[ref] = Paid(fen, value_on)
        fact = Fact(value_on, f"repaid {ref}", lambda d: d.repay(counts_from, fen))
        if value_on == on:
            self._learn(on, fact.name, fact.happens)
        else:
            self._live_anew(on, [*self.facts, fact])

    def take_back(self, on: date, ref: str) -> None:
        """A repayment bounced, or a purchase should not have been: it never was. Taken back again, nothing changes."""
        if paid := self.repayments.get(ref):
            if not paid.bounced:
                paid.bounced = True
                self._live_anew(on, [fact for fact in self.facts if fact.name != f"repaid {ref}"])
            return
        bought = self._bought(ref)
        if bought.taken_back:
            return
        if not bought.captures or not bought.ended or bought.refunded or bought.cancelled:
            raise Refused("purchase_not_reversible")
        bought.taken_back = True
        bought.come_back(bought.captured)
        if bought.promise:
            bought.promise.take_back()
        self._live_anew(on, list(self._without(ref)))

    def _without(self, ref: str) -> Iterator[Fact]:
        """The facts without a purchase. What was paid to end its instalments is money that came that day."""
        for fact in self.facts:
            if fact.name == f"paid off {ref}":
                yield self._came(fact.on, self.paid_off[ref], f"paid for nothing {ref}")
            elif fact.name != f"bought {ref}":
                yield fact

    def _came(self, on: date, fen: int, name: str) -> Fact:
        return Fact(on, name, lambda d: d.repay(on, fen))

    def pay_out_credit(self, on: date, ref: str, fen: int) -> None:
        if ref in self.paid_out:
            if self.paid_out[ref] != fen:
                raise Refused("request_conflict")
            return
        if fen > self.debts.credit:
            raise Refused("amount_refused")
        self.paid_out[ref] = fen
        self._learn(on, f"paid out {ref}", lambda d: d.pay_out(fen))

    def statement_plan(self, on: date, ref: str, fen: int, instalments: int) -> None:
        """Unpaid purchases of the latest statement, until its due date, become instalments."""
        if self.status != "active":
            raise Refused("line_not_active")
        chosen = self._chosen(on, instalments)
        largest = self.to_spread(on)
        if largest is None or largest < self.rules(on).smallest_plan:
            raise Refused("nothing_to_spread")
        if not self.rules(on).smallest_plan <= fen <= largest:
            raise Refused("amount_refused")
        issued_on = self.debts.asked_ever[-1].issued_on
        self._learn(on, f"spread {ref}", lambda d: d.spread(on, ref, fen, chosen, issued_on))

    def to_spread(self, on: date) -> int | None:
        """What of the latest statement may become instalments; None where none of it may."""
        if not self.statements or self.overdue(on):
            return None
        issued_on, due_on = self.statements[-1]["issued_on"], self.statements[-1]["due_on"]
        asked = self.debts.asked_ever[-1] if self.debts.asked_ever else None
        # A day on which something is owed, as it turned out, but no statement was issued: there is none to spread.
        if (asked and asked.issued_on > issued_on) or on > due_on:  # type: ignore[operator]
            return None
        # A statement of which, as it turned out, nothing was owed: there is none of it to spread.
        if asked is None or asked.issued_on != issued_on:
            return 0
        lot = self.debts.lots[-1]
        return max(lot.fen - lot.instalments, 0)

    def payoff(self, on: date, ref: str) -> None:
        plans = [plan for plan in self.debts.plans if plan.ref == ref]
        bought = self.purchases.get(ref)
        if not plans and not (bought and bought.taken_back and bought.instalments):
            raise Refused("plan_not_found")
        if not plans or not sum(row.principal for row in plans[0].to_come):
            raise Refused("plan_ended")
        fees = 0 if plans[0].fees_waived else sum(row.fee for row in plans[0].to_come)
        self.paid_off[ref] = fees + sum(row.principal for row in plans[0].to_come)
        self._learn(on, f"paid off {ref}", lambda d: d.pay_off(on, ref))

    def change_calendar(self, on: date, statement_day: int) -> None:
        """Statements move to another day: not while something is overdue, and once in a year."""
        if statement_day == self.debts.statement_day:
            return
        if self.closed:
            raise Refused("line_not_active")
        if self.overdue(on) or (self.moved_on and on < a_year_after(self.moved_on)):
            raise Refused("calendar_change_refused")
        assert statement_day in OFFERED
        self.moved_on = on
        self._learn(on, "moved", lambda d: d.move_to(statement_day))

    def asked_of_sources(self, on: date, choice: str) -> int:
        """
        What is to be collected on a due day, of a line that was closed too: of what is billed, and of the penalty that runs,
        all or the minimum.
        """
        debts = self.debts
        if choice == "off" or on not in debts.due_days:
            return 0
        penalty = to_fen(debts.running_penalty)
        full = debts.billed_total + penalty
        minimum = sum(asked.fen for asked in debts.asked)
        return full if choice == "full" else min(minimum + penalty, full) if minimum else 0

    def _collected(self, on: date, fen: int) -> None:
        self._learn(on, f"collected {len(self.sources.tries)}", lambda d: d.repay(on, fen))

    def end_day(self, day: date) -> None:
        """
        What is due is collected, holds run out, a statement is issued, what nobody said had come is taken as received, what
        was lent for a time ends, a minimum that was missed freezes the line.
        """
        self.sources.collect(
            day, lambda choice: self.asked_of_sources(day, choice), lambda fen: self._collected(day, fen)
        )
        for bought in self.purchases.values():
            if not bought.ended and not bought.in_escrow and bought.last_day <= day:
                bought.end("expired")
        morning = day + DAY
        issued = self.debts.end_day(day)
        if issued is not None:
            self.statements.append(issued | {"correction": self.corrected})
            self.corrected = 0
        for ref, bought in self.purchases.items():
            if bought.waits and bought.last_day <= morning:
                self.receive(morning, ref, confirmed=False)
        self.campaigns.end_day(day, self.rules(day))
        self.temporary = [(fen, last_day) for fen, last_day in self.temporary if last_day > day]
        if self.overdue(morning):
            self.late_minimum = True
            self.close_when_late(min(asked.due_on for asked in self.debts.asked if asked.fen), morning)

    # --- how ---

    def _born(self) -> Debts:
        return Debts(self.statement_day, self.due_day, self.opened_on, self.rules)

    def _learn(self, on: date, name: str, happens: Callable[[Debts], None]) -> None:
        """Something happens today."""
        self.facts.append(Fact(on, name, happens))
        happens(self.debts)
        self.late_minimum = self.late_minimum and self.overdue(on) > 0

    def _live_anew(self, today: date, facts: list[Fact]) -> None:
        """
        The debts become what they would be, had these facts been known on their days. What statements said stays said; the
        next one says by how much charges changed, and of purchases and credit what was known in its days.
        """
        before, self.facts, self.debts = self.debts, facts, self._born()
        day = self.opened_on
        while True:
            for fact in facts:
                if fact.on == day:
                    fact.happens(self.debts)
            if day == today:
                break
            self.debts.end_day(day)
            day += DAY
        self.debts.spent_since_statement = before.spent_since_statement
        self.debts.credit_used_since_statement = before.credit_used_since_statement
        self.corrected += self.debts.charged - before.charged
        self.late_minimum = self.overdue(today) > 0

    def _chosen(self, on: date, instalments: int) -> Chosen:
        rules = self.rules(on)
        if instalments not in rules.fees:
            raise Refused("instalments_not_offered")
        return Chosen(instalments, rules.fees[instalments], rules.fees_waived)

    def _bought(self, ref: str) -> Bought:
        if ref not in self.purchases:
            raise Refused("purchase_not_found")
        return self.purchases[ref]
