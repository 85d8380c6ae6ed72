"""
Many lines are frozen at once by staff, or freezes of many are ended: each a single act with its cause and who did it, undone
as one for the lines that are still as it left them.
"""

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
from ledger.sql import fetch_all


class NothingChosen(LineError):
    """No lines were chosen."""

    code = "nothing_chosen"


class BulkFreezeNotFound(LineError):
    """There is no such act."""

    code = "bulk_freeze_not_found"
    kind = Kind.NOT_FOUND


class BulkThawNotFound(LineError):
    """There is no such act."""

    code = "bulk_thaw_not_found"
    kind = Kind.NOT_FOUND


class AlreadyUndone(LineError):
    """The act was undone already."""

    code = "already_undone"
    kind = Kind.CONFLICT


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


# The lines whose freeze an act ended and that nobody froze for its cause since, also where that has ended again.
_STILL_ENDED = """
SELECT line.id FROM huabei_freeze AS ended JOIN huabei_line AS line ON line.id = ended.line_id
WHERE ended.bulk_thaw_id = %(bulk)s AND line.status <> 'closed'
  AND NOT EXISTS (SELECT FROM huabei_freeze AS since
                  WHERE since.line_id = line.id AND since.cause = ended.cause AND since.id > ended.id)
ORDER BY line.id
"""
_LOCK_ENDED = """
SELECT FROM huabei_line WHERE id IN (SELECT line_id FROM huabei_freeze WHERE bulk_thaw_id = %(bulk)s)
ORDER BY id FOR NO KEY UPDATE
"""


def freeze_again(*, bulk_thaw_id: int, by: str, note: str, reference: str, on: date) -> BulkFreeze:
    """
    Undoes the end of many freezes, once: freezes those of its lines anew, for the cause for which they were frozen, that are
    still as it left them. Lines that were closed or frozen for that cause since are left out. It is a freeze of many lines
    like any other, and undone like one.

    The reference happens once. Errors: AlreadyUndone, BulkThawNotFound, CauseRefused, NothingChosen where no line is as it
    was left, ReferenceRefused, RequestConflict.
    """
    ended = BulkThaw.objects.filter(pk=bulk_thaw_id).first()
    if ended is None:
        raise BulkThawNotFound(_("there is no end of many freezes %(id)s") % {"id": bulk_thaw_id})
    why = Why(ended.freeze_cause, by, reference, note)
    require_why(why, Concern.FREEZE, on)
    said = why.fields({"undoes": bulk_thaw_id})
    with transaction.atomic():
        fetch_all(_LOCK_ENDED, {"bulk": bulk_thaw_id})  # what was done since is read by the next statement
        first = BulkFreeze.objects.filter(reference=reference).first()
        if first is not None:
            require_same_request(first.request_hash, said["request_hash"])
            return first
        if BulkFreeze.objects.filter(undoes=ended).exists():
            raise AlreadyUndone(_("this was undone already"))
        chosen = [line_id for (line_id,) in fetch_all(_STILL_ENDED, {"bulk": bulk_thaw_id})]
        if not chosen:
            raise NothingChosen(_("no line is still as this act left it"))
        bulk = BulkFreeze.objects.create(**said, undoes=ended, asked=len(chosen), frozen_on=on)
        freeze_many(line_ids=chosen, why=why, on=on, bulk_id=bulk.pk)
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
