"""Many lines are frozen at once by staff, or freezes of many are ended: each a single act with its cause and who did it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date

from django.db import transaction
from django.utils.translation import gettext as _

from finance.errors import Kind
from huabei.errors import LineError, require_same_request
from huabei.models import BulkFreeze, BulkThaw, Cause, Concern, Freeze, LineStatus
from huabei.services.causes import CauseRefused, Why, causes_for, require_why, staff
from huabei.services.lifecycle import freeze_many, thaw_many


class NothingChosen(LineError):
    """No lines were chosen."""

    code = "nothing_chosen"


class BulkFreezeNotFound(LineError):
    """There is no such act."""

    code = "bulk_freeze_not_found"
    kind = Kind.NOT_FOUND


def fingerprint(line_ids: Sequence[int]) -> str:
    """Tells one set of lines from another, in whatever order they are named."""
    return hashlib.sha256(",".join(map(str, sorted(set(line_ids)))).encode()).hexdigest()


def freeze_lines(*, line_ids: Sequence[int], why: Why, on: date) -> BulkFreeze:
    """
    Freezes lines as one act; closed ones and those frozen for this cause already are left out.

    The reference happens once. Errors: CauseRefused, NothingChosen, ReferenceRefused, RequestConflict.
    """
    require_why(why, Concern.FREEZE, on)
    chosen = sorted(set(line_ids))
    if not chosen:
        raise NothingChosen(_("no lines are chosen"), field="lines")
    said = why.fields({"lines": fingerprint(chosen)})
    with transaction.atomic():
        bulk, made = BulkFreeze.objects.get_or_create(
            reference=said.pop("reference"), defaults={**said, "asked": len(chosen), "frozen_on": on}
        )
        if made:
            freeze_many(line_ids=chosen, why=why, on=on, bulk_id=bulk.pk)
        require_same_request(bulk.request_hash, said["request_hash"])
        return bulk


def thaw_lines(*, bulk_id: int, why: Why, on: date) -> list[int]:
    """
    Undoes an act: ends those of its freezes that are still open, and no others; returns the ids of their lines.

    Repeated, it changes nothing. Errors: BulkFreezeNotFound, CauseRefused, ReferenceRefused.
    """
    if not BulkFreeze.objects.filter(pk=bulk_id).exists():
        raise BulkFreezeNotFound(_("there is no freeze of many lines %(id)s") % {"id": bulk_id})
    still_open = Freeze.objects.filter(bulk_id=bulk_id, thawed_on__isnull=True)
    return thaw_many(freeze_ids=list(still_open.values_list("pk", flat=True)), why=why, on=on)


def causes_ended_together(on: date) -> list[Cause]:
    """
    Which freezes are ended for many lines at once: those that staff may begin, but none that customers ask for, who end
    theirs themselves. One for a late payment ends when that is paid.
    """
    return [cause for cause in causes_for(Concern.FREEZE, on, by=staff(1)) if not cause.by_customer]


def thaw_chosen(*, line_ids: Sequence[int], freeze_cause: str, why: Why, on: date) -> BulkThaw:
    """
    Ends the freezes of these lines for one cause, as one act; lines that are not frozen for it are left out, and those that
    are frozen for another cause as well stay frozen.

    The reference happens once. Errors: CauseRefused, NothingChosen, ReferenceRefused, RequestConflict.
    """
    require_why(why, Concern.THAW, on)
    if freeze_cause not in {cause.code for cause in causes_ended_together(on)}:
        raise CauseRefused(
            _("%(cause)s is no cause for this") % {"cause": freeze_cause}, field="freeze_cause"
        )
    chosen = sorted(set(line_ids))
    if not chosen:
        raise NothingChosen(_("no lines are chosen"), field="lines")
    said = why.fields({"lines": fingerprint(chosen), "freeze_cause": freeze_cause})
    with transaction.atomic():
        bulk, made = BulkThaw.objects.get_or_create(
            reference=said.pop("reference"),
            defaults={**said, "freeze_cause": freeze_cause, "asked": len(chosen), "thawed_on": on},
        )
        if made:
            found = Freeze.objects.filter(line_id__in=chosen, cause=freeze_cause, thawed_on__isnull=True)
            thaw_many(
                freeze_ids=list(found.exclude(line__status=LineStatus.CLOSED).values_list("pk", flat=True)),
                why=why,
                on=on,
                bulk_thaw_id=bulk.pk,
            )
        require_same_request(bulk.request_hash, said["request_hash"])
        return bulk
