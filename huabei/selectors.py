"""Reading lines: what stands on them, what they owe, what was billed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import TypeVar
from uuid import UUID

from django.db.models import Case, Max, Min, QuerySet, Sum, When

from finance.interest import Segment as InterestSegment
from finance.interest import owed
from finance.money import round_fen
from finance.rates import DailyRate
from huabei.models import (
    CategoryRule,
    Closure,
    CreditPayout,
    Due,
    Freeze,
    Line,
    LineStatus,
    MerchantChange,
    MerchantChangeKind,
    OpeningDecision,
    Posting,
    Repayment,
    ReviewTerms,
    Segment,
    SegmentKind,
    Statement,
    StatementDocument,
    Terms,
)
from ledger.selectors import positions
from ledger.sql import fetch_one


def terms_on(on: date) -> Terms:
    """The terms in force on a date."""
    return Terms.objects.filter(effective_from__lte=on).latest("effective_from")


def category_allowed(category: str, on: date) -> bool:
    """Whether shops of a category may be paid by line on a date."""
    rule = (
        CategoryRule.objects.filter(category=category, effective_from__lte=on)
        .order_by("-effective_from")
        .first()
    )
    return rule is None or rule.is_allowed


def posting_on(merchant_id: UUID, on: date) -> Posting:
    """When what is bought from a merchant on a date posts."""
    change = (
        MerchantChange.objects.filter(
            merchant_id=merchant_id, kind=MerchantChangeKind.POSTING, effective_from__lte=on
        )
        .order_by("-effective_from")
        .first()
    )
    return Posting(change.posting) if change else Posting.PAYMENT


def review_terms_on(on: date) -> ReviewTerms:
    """The terms by which limits are reviewed on a date."""
    return ReviewTerms.objects.filter(effective_from__lte=on).latest("effective_from")


def decisions_of(customer_id: UUID) -> QuerySet[OpeningDecision]:
    """Everything that was decided on somebody's applications for a line, newest first."""
    return OpeningDecision.objects.filter(customer_id=customer_id).select_related("line").order_by("-pk")


_CLOSED_LAST = Case(When(status=LineStatus.CLOSED, then=1), default=0)


def live_line_of(customer_id: UUID) -> Line | None:
    """The customer's line that is not closed."""
    return Line.objects.filter(customer_id=customer_id).exclude(status=LineStatus.CLOSED).first()


def line_of(customer_id: UUID) -> Line | None:
    """The customer's line that is not closed; where there is none, the last one that was."""
    return Line.objects.filter(customer_id=customer_id).order_by(_CLOSED_LAST, "-pk").first()


Asked = TypeVar("Asked", Closure, CreditPayout, Freeze, Repayment)


def asked_before(kind: type[Asked], customer_id: UUID, reference: str) -> Asked | None:
    """
    What a customer's request under this reference did the first time, to whichever of their lines. Whoever sends it again may
    have another line by then, and it was not about that one.
    """
    done: QuerySet[Asked] = kind._default_manager.filter(line__customer_id=customer_id, reference=reference)
    return done.select_related("line").first()


def line_asked(kind: type[Asked], customer_id: UUID, reference: str) -> Line | None:
    """The line that a customer's request is about: that of the first time, or else theirs, or the last that was closed."""
    first = asked_before(kind, customer_id, reference)
    return first.line if first else line_of(customer_id)


def unsettled_lines(customer_id: UUID, on: date) -> list[Line]:
    """The customer's line that is not closed, then the closed ones on which anything is owed, reserved or their credit."""
    lines = list(Line.objects.filter(customer_id=customer_id).order_by(_CLOSED_LAST, "-pk"))
    if not any(line.status == LineStatus.CLOSED for line in lines):
        return lines
    stands = line_positions(lines, on)
    return [
        line
        for line in lines
        if line.status != LineStatus.CLOSED
        or stands[line.pk].owes_fen
        or stands[line.pk].held_fen
        or stands[line.pk].credit_fen
    ]


def interest_segment(segment: Segment) -> InterestSegment:
    """A stored segment as the pure core knows it."""
    return InterestSegment(
        principal_fen=segment.principal_fen,
        rate=DailyRate(segment.daily_rate),
        since=segment.since,
        carried_fen=Decimal(segment.carried_fen),  # type: ignore[arg-type]
    )


def owed_on(segment: Segment, on: date) -> Fraction:
    """What a segment owes on a date, exactly."""
    return owed(interest_segment(segment), on)


def open_segments(line_id: int) -> dict[str, Segment]:
    """The line's open segments by kind."""
    return {segment.kind: segment for segment in Segment.objects.filter(line_id=line_id, until__isnull=True)}


@dataclass(frozen=True, slots=True)
class LinePosition:
    """What stands on one line on a date, in fen. `accrued_…` is owed by then but not billed, rounded."""

    limit_fen: int
    available_fen: int
    held_fen: int
    unbilled_fen: int
    billed_fen: int
    instalment_fen: int
    interest_fen: int
    fee_fen: int
    penalty_fen: int
    credit_fen: int
    accrued_interest_fen: int
    accrued_penalty_fen: int

    @property
    def drawn_fen(self) -> int:
        """Principal owed: billed, not billed yet, and in instalments to come."""
        return self.unbilled_fen + self.billed_fen + self.instalment_fen

    @property
    def billed_total_fen(self) -> int:
        """All that statements ask for and is unpaid."""
        return self.billed_fen + self.interest_fen + self.fee_fen + self.penalty_fen

    @property
    def owed_fen(self) -> int:
        """All that would have to be paid today to owe nothing but instalments to come."""
        return (
            self.unbilled_fen + self.billed_total_fen + self.accrued_interest_fen + self.accrued_penalty_fen
        )

    @property
    def owes_fen(self) -> int:
        """All that is owed on this date, instalments to come included."""
        return self.owed_fen + self.instalment_fen


def line_position(line: Line, on: date) -> LinePosition:
    """What stands on a line on a date (two queries, however long its history)."""
    return line_positions([line], on)[line.pk]


def line_positions(lines: Sequence[Line], on: date) -> dict[int, LinePosition]:
    """What stands on each of these lines on a date, by the id of the line, in two queries."""
    account = positions([account_id for line in lines for account_id in _accounts(line)])
    accrued: dict[tuple[int, str], int] = {}
    for segment in Segment.objects.filter(line_id__in=[line.pk for line in lines], until__isnull=True):
        accrued[segment.line_id, segment.kind] = max(round_fen(owed_on(segment, on)), 0)
    found = {}
    for line in lines:
        commitment = account[line.commitment_account_id]
        found[line.pk] = LinePosition(
            limit_fen=line.limit_fen,
            available_fen=commitment.available_fen,
            held_fen=commitment.debits_pending_fen,
            unbilled_fen=account[line.unbilled_account_id].debit_fen,
            billed_fen=account[line.billed_account_id].debit_fen,
            instalment_fen=account[line.instalment_account_id].debit_fen,
            interest_fen=account[line.interest_account_id].debit_fen,
            fee_fen=account[line.fee_account_id].debit_fen,
            penalty_fen=account[line.penalty_account_id].debit_fen,
            credit_fen=account[line.credit_account_id].credit_fen,
            accrued_interest_fen=accrued.get((line.pk, SegmentKind.REVOLVING), 0),
            accrued_penalty_fen=accrued.get((line.pk, SegmentKind.PENALTY), 0),
        )
    return found


def _accounts(line: Line) -> tuple[int, ...]:
    return (
        line.commitment_account_id,
        line.unbilled_account_id,
        line.billed_account_id,
        line.instalment_account_id,
        line.interest_account_id,
        line.fee_account_id,
        line.penalty_account_id,
        line.credit_account_id,
    )


@dataclass(frozen=True, slots=True)
class Delinquency:
    """What a line should have paid by a date and has not."""

    overdue_fen: int
    oldest_due_on: date | None


def delinquency(line_id: int, on: date) -> Delinquency:
    """The minimum dues of a line that were due before `on` and are unpaid, and the oldest of their dates."""
    found = Due.objects.filter(line_id=line_id, due_on__lt=on, outstanding_fen__gt=0).aggregate(
        overdue=Sum("outstanding_fen"), oldest=Min("due_on")
    )
    return Delinquency(found["overdue"] or 0, found["oldest"])


def minimum_outstanding(line_id: int) -> int:
    """What of the minimum dues is unpaid, due or not, in fen."""
    total: int | None = Due.objects.filter(line_id=line_id, outstanding_fen__gt=0).aggregate(
        total=Sum("outstanding_fen")
    )["total"]
    return total or 0


def latest_statement(line_id: int) -> Statement | None:
    """The last statement issued."""
    return Statement.objects.filter(line_id=line_id).order_by("-issued_on").select_related("due").first()


def statements_of(line_id: int) -> QuerySet[Statement]:
    """The line's statements, newest first."""
    return Statement.objects.filter(line_id=line_id).order_by("-issued_on")


def documents_of(statement_id: int) -> QuerySet[StatementDocument]:
    """The documents of a statement that were made, without the files."""
    return StatementDocument.objects.filter(statement_id=statement_id).defer("content").order_by("language")


def principal_not_yet_due(line_id: int, on: date) -> int:
    """Principal in fen that was billed newly by a statement day whose due date is not before `on`."""
    found = Due.objects.filter(line_id=line_id, due_on__gte=on).aggregate(new=Sum("principal_fen"))
    return found["new"] or 0


def last_issued_on(line_id: int) -> date | None:
    """The date of the last statement issued."""
    found: date | None = Statement.objects.filter(line_id=line_id).aggregate(last=Max("issued_on"))["last"]
    return found


@dataclass(frozen=True, slots=True)
class Portfolio:
    """All lines together; amounts in fen, over the whole history where they are flows."""

    lines: int
    limits_fen: int
    drawn_fen: int
    held_fen: int
    purchases: int
    spent_fen: int
    refunded_fen: int
    statements: int
    billed_fen: int
    repayments: int
    repaid_fen: int
    overdue_lines: int
    overdue_fen: int
    interest_income_fen: int
    penalty_income_fen: int


_PORTFOLIO = """
SELECT (SELECT count(*) FROM huabei_line),
       (SELECT coalesce(sum(limit_fen), 0)::bigint FROM huabei_line WHERE status <> 'closed'),
       (SELECT coalesce(sum(debits_posted_fen - credits_posted_fen), 0)::bigint FROM ledger_account
        WHERE type_code IN ('principal_unbilled', 'principal_billed', 'principal_instalment')),
       (SELECT coalesce(sum(debits_pending_fen), 0)::bigint FROM ledger_account WHERE type_code = 'commitment'),
       (SELECT count(*) FROM huabei_purchase WHERE captured_fen > 0),
       (SELECT coalesce(sum(captured_fen), 0)::bigint FROM huabei_purchase),
       (SELECT coalesce(sum(refunded_fen), 0)::bigint FROM huabei_purchase),
       (SELECT count(*) FROM huabei_statement),
       (SELECT coalesce(sum(new_principal_fen + new_interest_fen + new_penalty_fen), 0)::bigint FROM huabei_statement),
       (SELECT count(*) FROM huabei_repayment),
       (SELECT coalesce(sum(amount_fen), 0)::bigint FROM huabei_repayment),
       (SELECT count(*) FROM huabei_line WHERE bucket > 0),
       (SELECT coalesce(sum(outstanding_fen), 0)::bigint FROM huabei_due JOIN huabei_line ON huabei_line.id = line_id
        WHERE bucket > 0 AND outstanding_fen > 0 AND due_on < %(on)s),
       (SELECT coalesce(sum(income_fen), 0)::bigint FROM huabei_accrual WHERE kind = 'revolving'),
       (SELECT coalesce(sum(income_fen), 0)::bigint FROM huabei_accrual WHERE kind = 'penalty')
"""


def portfolio(on: date) -> Portfolio:
    """All lines together on a business date, in one query."""
    row = fetch_one(_PORTFOLIO, {"on": on})
    assert row is not None
    return Portfolio(*row)
