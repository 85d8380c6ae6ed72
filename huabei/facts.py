"""What happened to a line, read from its rows as `huabei.replay` wants it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from huabei import selectors
from huabei.instalments import Row, rows_of
from huabei.life_facts import (
    Calendar,
    Captured,
    Fact,
    Figures,
    GivenBack,
    PaidOff,
    PaidOut,
    Planned,
    Refunded,
    Repaid,
)
from huabei.models import (
    CalendarChange,
    Capture,
    Correction,
    CorrectionCause,
    CreditPayout,
    CreditPayoutEnd,
    Due,
    Line,
    Payoff,
    Plan,
    PurchaseState,
    RefundShare,
    Repayment,
    Segment,
    SegmentKind,
    Terms,
)
from huabei.replay import Life, replay
from huabei.selectors import LinePosition


def figures_by_date() -> Callable[[date], Figures]:
    """The figures in force on any date, all read at once."""
    rows = [
        (
            terms.effective_from,
            Figures(
                Fraction(terms.revolving_daily_rate),
                Fraction(terms.penalty_daily_rate),
                Fraction(terms.minimum_due_share),
                terms.components,
            ),
        )
        for terms in Terms.objects.order_by("-effective_from")
    ]

    def on(day: date) -> Figures:
        return next(figures for since, figures in rows if since <= day)

    return on


def calendars_of(lines: Sequence[Line]) -> dict[int, list[Calendar]]:
    """The calendars that each line has had, the first from its opening; by the id of the line."""
    changes: dict[int, list[CalendarChange]] = {line.pk: [] for line in lines}
    for change in CalendarChange.objects.filter(line_id__in=list(changes)).order_by("changed_on"):
        changes[change.line_id].append(change)
    calendars = {}
    for line in lines:
        later = changes[line.pk]
        statement_day = later[0].statement_day_before if later else line.statement_day
        due_day = later[0].due_day_before if later else line.due_day
        calendars[line.pk] = [
            Calendar(line.opened_on, statement_day, due_day),
            *(Calendar(change.changed_on, change.statement_day, change.due_day) for change in later),
        ]
    return calendars


def _rows(plan: Plan) -> tuple[Row, ...]:
    """The rows that a plan began with."""
    return rows_of(plan.principal_fen, plan.fee_fen, range(1, plan.periods + 1))


def facts_of(line_ids: Sequence[int]) -> dict[int, list[Fact]]:
    """
    Everything that changed what these lines owe and was not taken back, by the id of the line: seven queries, however many
    the lines and however long their history.
    """
    facts: dict[int, list[Fact]] = {line_id: [] for line_id in line_ids}
    for line_id, fact in (
        *_captures_and_plans(line_ids),
        *_refunds(line_ids),
        *_repayments(line_ids),
        *_payouts(line_ids),
    ):
        facts[line_id].append(fact)
    return facts


def _captures_and_plans(line_ids: Sequence[int]) -> Iterator[tuple[int, Fact]]:
    plans = list(
        Plan.objects.filter(line_id__in=line_ids)
        .exclude(purchase__state=PurchaseState.REVERSED)
        .select_related("due", "payoff")
    )
    of_capture = {plan.entry_id: plan for plan in plans if plan.purchase_id is not None}
    for line_id, posted_on, entry_id, purchase_id, fen in (
        Capture.objects.filter(line_id__in=line_ids)
        .exclude(purchase__state=PurchaseState.REVERSED)
        .values_list("line_id", "posted_on", "entry_id", "purchase_id", "amount_fen")
    ):
        plan = of_capture.get(entry_id)
        rows = {"plan_id": plan.pk, "rows": _rows(plan)} if plan else {}
        yield line_id, Captured(posted_on, entry_id, purchase_id, fen, **rows)  # type: ignore[arg-type]
    for plan in plans:
        if plan.due is not None:
            planned = Planned(plan.made_on, plan.entry_id, plan.pk, plan.due.issued_on, _rows(plan))
            yield plan.line_id, planned
        if hasattr(plan, "payoff"):
            paid = plan.payoff
            yield plan.line_id, PaidOff(paid.paid_on, paid.entry_id, plan.pk, paid.waived_fen == 0)
    # What ended the plan of a purchase that was taken back since is money that came that day.
    for paid in Payoff.objects.filter(
        plan__line_id__in=line_ids, plan__purchase__state=PurchaseState.REVERSED
    ).select_related("plan"):
        yield paid.plan.line_id, Repaid(paid.paid_on, paid.entry_id, -paid.pk, paid.amount_fen)


def _refunds(line_ids: Sequence[int]) -> Iterator[tuple[int, Fact]]:
    refunds: dict[tuple[int, date, int, int], list[tuple[date, int]]] = defaultdict(list)
    for line_id, on, entry_id, purchase_id, posted_on, fen in (
        RefundShare.objects.filter(capture__line_id__in=line_ids)
        .order_by("pk")
        .values_list(
            "capture__line_id",
            "refund__refunded_on",
            "refund__entry_id",
            "refund__purchase_id",
            "capture__posted_on",
            "amount_fen",
        )
    ):
        refunds[line_id, on, entry_id, purchase_id].append((posted_on, fen))
    for (line_id, on, entry_id, purchase_id), parts in refunds.items():
        yield line_id, Refunded(on, entry_id, purchase_id, tuple(parts))


def _repayments(line_ids: Sequence[int]) -> Iterator[tuple[int, Fact]]:
    bounced = Correction.objects.filter(line_id__in=line_ids, cause=CorrectionCause.BOUNCED)
    for line_id, on, entry_id, repayment_id, fen in (
        Repayment.objects.filter(line_id__in=line_ids)
        .exclude(pk__in=bounced.values("repayment_id"))
        .values_list("line_id", "value_on", "entry_id", "pk", "amount_fen")
    ):
        yield line_id, Repaid(on, entry_id, repayment_id, fen)


def _payouts(line_ids: Sequence[int]) -> Iterator[tuple[int, Fact]]:
    for line_id, on, entry_id, fen in CreditPayout.objects.filter(line_id__in=line_ids).values_list(
        "line_id", "paid_on", "entry_id", "amount_fen"
    ):
        yield line_id, PaidOut(on, entry_id, fen)
    given_back = CreditPayoutEnd.objects.filter(payout__line_id__in=line_ids, arrived=False)
    for line_id, on, entry_id, fen in given_back.values_list(
        "payout__line_id", "ended_on", "entry_id", "payout__amount_fen"
    ):
        yield line_id, GivenBack(on, entry_id, fen)


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
        calendars=calendars_of([line])[line.pk],
        figures=figures_by_date(),
        facts=[*(fact for fact in facts_of([line.pk])[line.pk] if not without(fact)), *plus],
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
    return [found for _line, found in disagreements_of([line], on)]


def disagreements_of(lines: Sequence[Line], on: date) -> Iterator[tuple[Line, Disagreement]]:
    """
    Where the books of lines and the replay of their facts disagree during a day; nothing where they are right. A dozen
    queries, however many the lines.
    """
    ids = [line.pk for line in lines]
    figures, calendars, facts = figures_by_date(), calendars_of(lines), facts_of(ids)
    positions = selectors.line_positions(lines, on)
    segments: dict[int, dict[str, Segment]] = defaultdict(dict)
    for segment in Segment.objects.filter(line_id__in=ids, until__isnull=True):
        segments[segment.line_id][segment.kind] = segment
    dues: dict[int, list[Due]] = defaultdict(list)
    for due in Due.objects.filter(line_id__in=ids).order_by("due_on", "issued_on"):
        dues[due.line_id].append(due)
    for line in lines:
        life = replay(
            opened_on=line.opened_on,
            calendars=calendars[line.pk],
            figures=figures,
            facts=facts[line.pk],
            until=on,
        )
        for name, books, replayed in _pairs(life, positions[line.pk], segments[line.pk], dues[line.pk]):
            if books != replayed:
                yield line, Disagreement(name, books, replayed)


def _pairs(
    life: Life, position: LinePosition, segments: Mapping[str, Segment], dues: Sequence[Due]
) -> list[tuple[str, object, object]]:
    """What is compared: a name, what stands in the books, and what does in the replay."""
    on = life.today
    pairs: list[tuple[str, object, object]] = [
        ("unbilled_fen", position.unbilled_fen, life.unbilled_fen),
        ("billed_fen", position.billed_fen, life.billed_fen),
        ("instalment_fen", position.instalment_fen, life.instalment_fen),
        ("interest_fen", position.interest_fen, life.interest_fen),
        ("fee_fen", position.fee_fen, life.fee_fen),
        ("penalty_fen", position.penalty_fen, life.penalty_fen),
        ("credit_fen", position.credit_fen, life.credit_fen),
    ]
    for kind, principal_fen, running in (
        (SegmentKind.REVOLVING, life.revolving_fen, life.running_interest),
        (SegmentKind.PENALTY, life.late_fen, life.running_penalty),
    ):
        segment = segments.get(kind)
        found = (segment.principal_fen, selectors.owed_on(segment, on)) if segment else (0, Fraction(0))
        pairs.append((kind.value, found, (principal_fen, running)))
    pairs.append(
        (
            "dues",
            [(due.due_on, due.outstanding_fen) for due in dues if due.outstanding_fen],
            [(asked.due_on, asked.outstanding_fen) for asked in life.asked if asked.outstanding_fen],
        )
    )
    asked_on = [due.issued_on for due in dues if due.is_asked]
    pairs.append(("asked_on", sorted(asked_on), [asked.issued_on for asked in life.asked if asked.is_asked]))
    not_due = sum(asked.principal_fen for asked in life.asked if asked.due_on >= on)
    pairs.append(("not_due_fen", sum(due.principal_fen for due in dues if due.due_on >= on), not_due))
    return pairs
