"""What happened to a line, read from its rows as `huabei.replay` wants it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from huabei import selectors
from huabei.instalments import Row, rows_of
from huabei.models import (
    CalendarChange,
    Capture,
    Correction,
    CorrectionCause,
    CreditPayout,
    Due,
    Line,
    Plan,
    PurchaseState,
    RefundShare,
    Repayment,
    SegmentKind,
    Terms,
)
from huabei.replay import (
    Calendar,
    Captured,
    Fact,
    Figures,
    Life,
    PaidOff,
    PaidOut,
    Planned,
    Refunded,
    Repaid,
    replay,
)


def figures_by_date() -> Callable[[date], Figures]:
    """The figures in force on any date, all read at once."""
    rows = [
        (
            terms.effective_from,
            Figures(
                Fraction(terms.revolving_daily_rate),
                Fraction(terms.penalty_daily_rate),
                Fraction(terms.minimum_due_share),
            ),
        )
        for terms in Terms.objects.order_by("-effective_from")
    ]

    def on(day: date) -> Figures:
        return next(figures for since, figures in rows if since <= day)

    return on


def calendars_of(line: Line) -> list[Calendar]:
    """The calendars that the line has had, the first from its opening."""
    changes = list(CalendarChange.objects.filter(line=line).order_by("changed_on"))
    first = (
        Calendar(line.opened_on, changes[0].statement_day_before, changes[0].due_day_before)
        if changes
        else Calendar(line.opened_on, line.statement_day, line.due_day)
    )
    return [first, *(Calendar(change.changed_on, change.statement_day, change.due_day) for change in changes)]


def _rows(plan: Plan) -> tuple[Row, ...]:
    """The rows that a plan began with."""
    return rows_of(plan.principal_fen, plan.fee_fen, range(1, plan.periods + 1))


def facts_of(line: Line) -> list[Fact]:
    """Everything that changed what the line owes and was not taken back (six queries, however long its history)."""
    plans = list(
        Plan.objects.filter(line=line)
        .exclude(purchase__state=PurchaseState.REVERSED)
        .select_related("due", "payoff")
    )
    of_capture = {plan.entry_id: plan for plan in plans if plan.purchase_id is not None}
    facts: list[Fact] = []
    for posted_on, entry_id, purchase_id, fen in (
        Capture.objects.filter(line=line)
        .exclude(purchase__state=PurchaseState.REVERSED)
        .values_list("posted_on", "entry_id", "purchase_id", "amount_fen")
    ):
        plan = of_capture.get(entry_id)
        rows = {"plan_id": plan.pk, "rows": _rows(plan)} if plan else {}
        facts.append(Captured(posted_on, entry_id, purchase_id, fen, **rows))  # type: ignore[arg-type]
    for plan in plans:
        if plan.due is not None:
            facts.append(Planned(plan.made_on, plan.entry_id, plan.pk, plan.due.issued_on, _rows(plan)))
        if hasattr(plan, "payoff"):
            paid = plan.payoff
            facts.append(PaidOff(paid.paid_on, paid.entry_id, plan.pk, paid.waived_fen == 0))
    refunds: dict[tuple[date, int, int], list[tuple[date, int]]] = defaultdict(list)
    for on, entry_id, purchase_id, posted_on, fen in (
        RefundShare.objects.filter(capture__line=line)
        .order_by("pk")
        .values_list(
            "refund__refunded_on",
            "refund__entry_id",
            "refund__purchase_id",
            "capture__posted_on",
            "amount_fen",
        )
    ):
        refunds[on, entry_id, purchase_id].append((posted_on, fen))
    facts += [Refunded(*refund, parts=tuple(parts)) for refund, parts in refunds.items()]
    facts += [
        PaidOut(on, entry_id, fen)
        for on, entry_id, fen in CreditPayout.objects.filter(line=line).values_list(
            "paid_on", "entry_id", "amount_fen"
        )
    ]
    bounced = Correction.objects.filter(line=line, cause=CorrectionCause.BOUNCED).values("repayment_id")
    facts += [
        Repaid(on, entry_id, repayment_id, fen)
        for on, entry_id, repayment_id, fen in Repayment.objects.filter(line=line)
        .exclude(pk__in=bounced)
        .values_list("value_on", "entry_id", "pk", "amount_fen")
    ]
    return facts


def _kept(_fact: Fact) -> bool:
    return False


def life_of(
    line: Line, on: date, *, plus: Sequence[Fact] = (), without: Callable[[Fact], bool] = _kept
) -> Life:
    """
    The line's life up to and with a date, told anew from its facts: as they are, or with some more, or without those that
    `without` says.
    """
    return replay(
        opened_on=line.opened_on,
        calendars=calendars_of(line),
        figures=figures_by_date(),
        facts=[*(fact for fact in facts_of(line) if not without(fact)), *plus],
        until=on,
    )


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A figure that stands otherwise in the books than the replay of the facts says."""

    name: str
    books: object
    replayed: object


def disagreements(line: Line, on: date) -> list[Disagreement]:
    """Where a line's books and the replay of its facts disagree during a day; none where they are right."""
    life, position = life_of(line, on), selectors.line_position(line, on)
    pairs: list[tuple[str, object, object]] = [
        ("unbilled_fen", position.unbilled_fen, life.unbilled_fen),
        ("billed_fen", position.billed_fen, life.billed_fen),
        ("instalment_fen", position.instalment_fen, life.instalment_fen),
        ("interest_fen", position.interest_fen, life.interest_fen),
        ("fee_fen", position.fee_fen, life.fee_fen),
        ("penalty_fen", position.penalty_fen, life.penalty_fen),
        ("credit_fen", position.credit_fen, life.credit_fen),
    ]
    segments = selectors.open_segments(line.pk)
    for kind, principal_fen, running in (
        (SegmentKind.REVOLVING, life.revolving_fen, life.running_interest),
        (SegmentKind.PENALTY, life.late_fen, life.running_penalty),
    ):
        segment = segments.get(kind)
        found = (segment.principal_fen, selectors.owed_on(segment, on)) if segment else (0, Fraction(0))
        pairs.append((kind.value, found, (principal_fen, running)))
    dues = Due.objects.filter(line=line, outstanding_fen__gt=0).order_by("due_on")
    pairs.append(
        (
            "dues",
            [(due.due_on, due.outstanding_fen) for due in dues],
            [(asked.due_on, asked.outstanding_fen) for asked in life.asked if asked.outstanding_fen],
        )
    )
    not_due = sum(asked.principal_fen for asked in life.asked if asked.due_on >= on)
    pairs.append(("not_due_fen", selectors.principal_not_yet_due(line.pk, on), not_due))
    return [Disagreement(name, books, replayed) for name, books, replayed in pairs if books != replayed]
