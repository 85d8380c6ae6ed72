"""
Reading shared lines: as their owner does, and as the person who spends with them, who sees the cap and never the debt.
"""

from __future__ import annotations

from datetime import date
from uuid import UUID

from django.db.models import BigIntegerField, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce, Greatest

from huabei.models import Purchase, SharedLine, ShareInvitation, ShareMonth, ShareStatus, ShareTerms


def share_terms_on(on: date) -> ShareTerms:
    """Between what a monthly cap must be on a date."""
    return ShareTerms.objects.filter(effective_from__lte=on).latest("effective_from")


def months_of(share: SharedLine) -> QuerySet[ShareMonth]:
    """What was spent of each month with the line by whom it is shared with, also through shares that ended; in order."""
    return ShareMonth.objects.filter(line=share.line_id, beneficiary=share.beneficiary_id).order_by("month")


def _with_month(found: QuerySet[SharedLine], on: date) -> QuerySet[SharedLine]:
    """With `spent_fen` of the month of a date and `left_fen` of its cap."""
    month = ShareMonth.objects.filter(
        line=OuterRef("line"), beneficiary=OuterRef("beneficiary"), month=on.replace(day=1)
    ).values("spent_fen")
    spent = Coalesce(Subquery(month), 0, output_field=BigIntegerField())
    return found.annotate(spent_fen=spent, left_fen=Greatest(F("monthly_cap_fen") - F("spent_fen"), 0))


def shares_of(owner_id: UUID, on: date) -> QuerySet[SharedLine]:
    """With whom an owner shares a line: those who accepted, with `person`, their name."""
    found = SharedLine.objects.filter(line__customer_id=owner_id, status=ShareStatus.ACTIVE)
    return _with_month(found, on).annotate(person=F("beneficiary__full_name")).order_by("-pk")


def invitations_of(owner_id: UUID) -> QuerySet[ShareInvitation]:
    """The owner's invitations that nobody has accepted yet."""
    return ShareInvitation.objects.filter(line__customer_id=owner_id, ended_on__isnull=True).order_by("-pk")


def shared_with(beneficiary_id: UUID, on: date) -> QuerySet[SharedLine]:
    """What others share with somebody, invitations too, with `person`, the name of its owner; nothing else of the line."""
    found = SharedLine.objects.filter(beneficiary_id=beneficiary_id).exclude(status=ShareStatus.CLOSED)
    return _with_month(found, on).annotate(person=F("line__customer__full_name")).order_by("-pk")


def purchases_through(share: SharedLine) -> QuerySet[Purchase]:
    """What was bought through a share, and through earlier ones of the line with the same person, newest first."""
    whose = {"shared__share__line": share.line_id, "shared__share__beneficiary": share.beneficiary_id}
    return Purchase.objects.filter(**whose).select_related("merchant__shop").order_by("-pk")
