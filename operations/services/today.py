"""The console's front page: where the bank stands today, in a handful of queries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Count, F, Max, Q, Sum

from creditscore.selectors import BandCount, distribution_by_band, last_publication
from customers.models import EmailDelivery, EmailState
from huabei.campaigning import open_alerts
from huabei.models import CampaignAlert, DecisionReview
from huabei.selectors import Portfolio, portfolio
from lending.selectors import LoanBook, loan_book
from operations.models import BusinessDay, CloseStep, Proof
from operations.services.closing import STEPS
from payments.models import PaymentOrder
from payments.states import OPEN_STATES

CLOSES_SHOWN = 7
ALERTS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class ClosedDay:
    """
    The close of one day: how many steps are done of how many, the rows they wrote, and how long they took together.

    No day is closed before the one before it was, so only the newest can have steps to do; an older one had those there were.
    """

    closed_on: date
    steps: int
    of: int
    rows: int
    seconds: float
    finished_at: datetime | None

    @property
    def is_complete(self) -> bool:
        """Whether every step is done."""
        return self.steps >= self.of


@dataclass(frozen=True, slots=True)
class Bar:
    """A band of scores with its part of the largest band, in percent."""

    band: BandCount
    percent: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """How much waits for a person: reviews asked for, payments of earlier days that nothing is known of, e-mails given up."""

    reviews: int
    payments: int
    emails: int


@dataclass(frozen=True, slots=True)
class Today:
    """Where the bank stands: its date, its last closes, its lines and loans, what waits, and how scores are spread."""

    on: date
    closes: list[ClosedDay]
    portfolio: Portfolio
    loans: LoanBook
    waiting: Waiting
    published_on: date | None
    bars: list[Bar]
    proof: Proof | None
    alerts: list[CampaignAlert]


def latest_closes(*, most: int = CLOSES_SHOWN) -> list[ClosedDay]:
    """The closes of the latest days, newest first."""
    rows = (
        CloseStep.objects.values("closed_on")
        .annotate(
            steps=Count("id", filter=Q(finished_at__isnull=False)),
            written=Sum("rows"),
            took=Sum(F("finished_at") - F("started_at")),
            ended=Max("finished_at"),
        )
        .order_by("-closed_on")[:most]
    )
    return [
        ClosedDay(
            row["closed_on"],
            row["steps"],
            row["steps"] if number else len(STEPS),
            row["written"],
            row["took"].total_seconds() if row["took"] else 0.0,
            row["ended"],
        )
        for number, row in enumerate(rows)
    ]


def waiting(on: date) -> Waiting:
    """What waits for a person on a business date."""
    return Waiting(
        reviews=DecisionReview.objects.filter(verdict__isnull=True).count(),
        payments=PaymentOrder.objects.filter(state__in=OPEN_STATES, ordered_on__lt=on).count(),
        emails=EmailDelivery.objects.filter(state=EmailState.PARKED).count(),
    )


def today() -> Today | None:
    """Where the bank stands; None before its first day."""
    day = BusinessDay.objects.first()
    if day is None:
        return None
    bands = distribution_by_band(day.business_on)
    largest = max((band.people for band in bands), default=0) or 1
    return Today(
        on=day.business_on,
        closes=latest_closes(),
        portfolio=portfolio(day.business_on),
        loans=loan_book(day.business_on),
        waiting=waiting(day.business_on),
        published_on=last_publication(day.business_on),
        proof=Proof.objects.order_by("-proved_on").first(),
        alerts=list(open_alerts()[:ALERTS_SHOWN]),
        bars=[Bar(band, round(100 * band.people / largest)) for band in bands],
    )
