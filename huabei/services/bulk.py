"""Many lines are frozen at once by staff, and thawed again as one: each a single act with its cause and who did it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date

from django.db import transaction
from django.utils.translation import gettext as _

from finance.errors import Kind
from huabei.errors import LineError, require_same_request
from huabei.models import BulkFreeze, Concern, Freeze
from huabei.services.causes import Why, require_why
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
