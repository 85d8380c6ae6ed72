"""A line is frozen, thawed, and closed for good: by staff, by its customer, and by the policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from django.db import transaction
from django.utils.translation import gettext as _

from finance.errors import Kind
from huabei import selectors
from huabei.errors import LineError, LineNotActive, require_same_request
from huabei.models import (
    Closure,
    Concern,
    Freeze,
    LimitChangeKind,
    Line,
    LineStatus,
    TemporaryLimit,
)
from huabei.services.causes import CUSTOMER, POLICY, CauseRefused, Why, require_why
from huabei.services.limits import NewLimit, set_limits
from huabei.services.lines import OVERDUE, locked_line
from huabei.telling import tell_closed
from ledger.sql import affected, fetch_all

# What ends a freeze that was for a late payment.
PAID = "paid"
WISH = "customer_wish"


class NotFrozen(LineError):
    """There is no such freeze, or it has ended."""

    code = "not_frozen"
    kind = Kind.NOT_FOUND


class AlreadyFrozen(LineError):
    """The line is frozen for this cause already."""

    code = "already_frozen"
    kind = Kind.CONFLICT


class StillOwes(LineError):
    """The customer closes a line only when nothing is owed on it or held."""

    code = "still_owes"


_LOCK = "SELECT FROM huabei_line WHERE id = ANY(%(lines)s) ORDER BY id FOR NO KEY UPDATE"
_LOCK_OF_FREEZES = """
SELECT FROM huabei_line WHERE id IN (SELECT line_id FROM huabei_freeze WHERE id = ANY(%(freezes)s))
ORDER BY id FOR NO KEY UPDATE
"""

# Why a freeze for this cause leaves a line out; NULL where it does not.
LEFT_OUT = """CASE WHEN line.status = 'closed' THEN 'line_not_active'
    WHEN EXISTS (SELECT FROM huabei_freeze AS open
                 WHERE open.line_id = line.id AND open.cause = %(cause)s AND open.thawed_on IS NULL) THEN 'already_frozen'
END"""

# The same of the end of freezes for this cause.
NOT_THAWED = """CASE WHEN line.status = 'closed' THEN 'line_not_active'
    WHEN NOT EXISTS (SELECT FROM huabei_freeze AS open
                     WHERE open.line_id = line.id AND open.cause = %(cause)s AND open.thawed_on IS NULL) THEN 'not_frozen'
END"""

_FREEZE = """
WITH frozen AS (
    INSERT INTO huabei_freeze
        (id, line_id, bulk_id, cause, by, note, reference, request_hash, frozen_on, thaw_cause, thawed_by, thaw_note)
    SELECT new.id, line.id, %(bulk)s, %(cause)s, %(by)s, %(note)s,
           %(reference)s || CASE WHEN %(by)s = 'policy' THEN ':' || new.id ELSE '' END, %(hash)s, %(on)s, '', '', ''
    FROM huabei_line AS line CROSS JOIN LATERAL (SELECT nextval('huabei_freeze_id_seq') AS id WHERE line.id > 0) AS new
    WHERE line.id = ANY(%(lines)s) AND /* left out */ IS NULL
      AND NOT EXISTS (SELECT FROM huabei_freeze AS earlier
                      WHERE earlier.line_id = line.id AND earlier.reference = %(reference)s)
    RETURNING line_id
), marked AS (
    UPDATE huabei_line AS line SET status = 'frozen',
        frozen_cause = CASE WHEN line.status = 'active' OR %(cause)s = 'overdue' THEN %(cause)s
                            ELSE line.frozen_cause END
    FROM frozen WHERE line.id = frozen.line_id
)
SELECT line_id FROM frozen ORDER BY line_id
""".replace("/* left out */", LEFT_OUT)


def freeze_many(*, line_ids: Sequence[int], why: Why, on: date, bulk_id: int | None = None) -> list[int]:
    """
    Freezes lines for one cause; returns the ids of those that were frozen by this. `bulk_id` is the act it is part of.

    Left out are closed lines and those frozen for this cause already, so repeating it changes nothing. What was authorised
    may still be captured. Errors: CauseRefused, ReferenceRefused.
    """
    require_why(why, Concern.FREEZE, on)
    parameters = {
        "lines": list(line_ids),
        "cause": why.cause,
        "by": why.by,
        "note": why.note,
        "reference": why.reference,
        "hash": why.hash({}),
        "bulk": bulk_id,
        "on": on,
    }
    with transaction.atomic():
        fetch_all(_LOCK, parameters)  # what is open is read by the next statement
        return [line_id for (line_id,) in fetch_all(_FREEZE, parameters)]


_Done = TypeVar("_Done", Freeze, Closure)


def _done_before(kind: type[_Done], line: Line, why: Why) -> _Done | None:
    """What was done under the reference before: to this line, or by a customer's wish to any of theirs. RequestConflict."""
    if why.by == CUSTOMER:
        first = selectors.asked_before(kind, line.customer_id, why.reference)
    else:
        first = kind._default_manager.filter(line=line, reference=why.reference).first()
    if first is not None:
        require_same_request(first.request_hash, why.hash({}))
        first.repeated = True
    return first


def freeze(*, line_id: int, why: Why, on: date) -> Freeze:
    """
    Freezes a line: nothing can be bought with it. Other freezes go on beside this one.

    The reference happens once per line, and a customer's once on all of theirs. Errors: AlreadyFrozen for the same cause,
    CauseRefused, LineNotActive when it is closed, LineNotFound, ReferenceRefused, RequestConflict.
    """
    with transaction.atomic():
        line = locked_line(line_id)
        first = _done_before(Freeze, line, why)
        if first is not None:
            return first
        if line.status == LineStatus.CLOSED:
            raise LineNotActive(_("the line is closed"))
        if not freeze_many(line_ids=[line_id], why=why, on=on):
            raise AlreadyFrozen(_("the line is frozen for this cause already"), field="cause")
        return Freeze.objects.get(line_id=line_id, reference=why.reference)


def freeze_overdue(*, line_ids: Sequence[int], on: date) -> list[int]:
    """Freezes lines of which a payment is late; returns the ids of those that were not frozen for it before."""
    return freeze_many(line_ids=line_ids, why=Why(OVERDUE, POLICY, f"overdue:{on}"), on=on)


# What a line is follows from the freezes that are open.
_FOLLOW = """
UPDATE huabei_line AS line
SET status = CASE WHEN open.cause IS NULL THEN 'active' ELSE 'frozen' END, frozen_cause = coalesce(open.cause, '')
FROM (SELECT id, (SELECT cause FROM huabei_freeze AS frozen WHERE frozen.line_id = line.id AND thawed_on IS NULL
                  ORDER BY cause <> 'overdue', id LIMIT 1) AS cause
      FROM huabei_line AS line WHERE id = ANY(%(lines)s)) AS open
WHERE line.id = open.id AND line.status <> 'closed'
"""


_THAW = """
UPDATE huabei_freeze
SET thawed_on = %(on)s, thaw_cause = %(cause)s, thawed_by = %(by)s, thaw_note = %(note)s, bulk_thaw_id = %(bulk)s
WHERE id = ANY(%(freezes)s) AND thawed_on IS NULL
RETURNING line_id
"""


def thaw_many(*, freeze_ids: Sequence[int], why: Why, on: date, bulk_thaw_id: int | None = None) -> list[int]:
    """
    Ends freezes; returns the ids of their lines, of which those are active again that no other freeze holds. `bulk_thaw_id`
    is the act it is part of.

    What has ended is left as it is. Errors: CauseRefused, ReferenceRefused.
    """
    require_why(why, Concern.THAW, on)
    parameters = {
        "freezes": list(freeze_ids),
        "cause": why.cause,
        "by": why.by,
        "note": why.note,
        "bulk": bulk_thaw_id,
        "on": on,
    }
    with transaction.atomic():
        fetch_all(_LOCK_OF_FREEZES, parameters)  # what is open is read by the next statement
        line_ids = [line_id for (line_id,) in fetch_all(_THAW, parameters)]
        if line_ids:
            affected(_FOLLOW, {"lines": line_ids})
        return sorted(line_ids)


def thaw(*, freeze_id: int, why: Why, on: date) -> Freeze:
    """
    Ends one freeze; the line is active again when it was the last. Ending it again changes nothing.

    A customer ends only what was a customer's wish. Errors: CauseRefused, NotFrozen, ReferenceRefused.
    """
    require_why(why, Concern.THAW, on)
    with transaction.atomic():
        frozen = Freeze.objects.filter(pk=freeze_id).first()
        if frozen is None:
            raise NotFrozen(_("there is no freeze %(id)s") % {"id": freeze_id})
        if why.by == CUSTOMER and frozen.by != CUSTOMER:
            raise CauseRefused(_("only a freeze that you asked for can be ended here"), field="cause")
        thaw_many(freeze_ids=[freeze_id], why=why, on=on)
        frozen.refresh_from_db()
        return frozen


def thaw_paid(*, line: Line, on: date) -> None:
    """Ends the freeze of a line, locked by the caller, of which no payment is late any more; `line` is brought up to date."""
    ended = Freeze.objects.filter(line=line, cause=OVERDUE, thawed_on__isnull=True).update(
        thawed_on=on, thaw_cause=PAID, thawed_by=POLICY
    )
    if ended:
        affected(_FOLLOW, {"lines": [line.pk]})
        line.refresh_from_db(fields=["status", "frozen_cause"])


def close(*, line_id: int, why: Why, on: date) -> Closure:
    """
    Closes a line for good: its limit is taken away, nothing can be bought, what it owes goes on being billed and judged.

    What was authorised may still be captured. By a customer's wish it is closed only when nothing is owed on it or held; for
    another cause whatever it owes. Repeating it answers with the first, also where the customer has another line by then.
    Errors: CauseRefused, LineNotActive when it was closed under another reference, LineNotFound, ReferenceRefused,
    RequestConflict, StillOwes.
    """
    with transaction.atomic():
        line = locked_line(line_id)
        first = _done_before(Closure, line, why)
        if first is not None:
            return first
        if line.status == LineStatus.CLOSED:
            raise LineNotActive(_("the line is closed"))
        require_why(why, Concern.CLOSE, on)
        position = selectors.line_position(line, on)
        if why.cause == WISH and (position.owed_fen or position.instalment_fen or position.held_fen):
            raise StillOwes(_("a line is closed when nothing is owed on it or held"))
        _close([_Closing(line_id, line.limit_fen, position.drawn_fen)], why, on)
        return Closure.objects.get(line=line)


@dataclass(frozen=True, slots=True)
class _Closing:
    """A line to be closed, locked."""

    line_id: int
    limit_fen: int
    drawn_fen: int


def _close(lines: Sequence[_Closing], why: Why, on: date) -> None:
    ids = [line.line_id for line in lines]
    Closure.objects.bulk_create(
        Closure(
            line_id=line.line_id,
            closed_on=on,
            limit_fen=line.limit_fen,
            drawn_fen=line.drawn_fen,
            **why.fields({}),
        )
        for line in lines
    )
    TemporaryLimit.objects.filter(line_id__in=ids, ended_on__isnull=True).update(ended_on=on)
    taken = Why("closed", why.by, "closed")
    set_limits(
        limits=[NewLimit(line_id, 0, 0, taken, taken.hash({})) for line_id in ids],
        kind=LimitChangeKind.CLOSED,
        on=on,
    )
    Line.objects.filter(pk__in=ids).update(status=LineStatus.CLOSED, frozen_cause="")
    tell_closed(line_ids=ids, on=on)


# Lines of which the oldest minimum that is unpaid was due more than so many months ago. Only those two buckets late can be.
_TOO_LATE = """
SELECT line.id, line.limit_fen, coalesce(drawn.fen, 0)
FROM huabei_line AS line
JOIN LATERAL (SELECT min(due_on) AS due_on FROM huabei_due
              WHERE line_id = line.id AND outstanding_fen > 0 AND due_on < %(on)s) AS oldest ON true
CROSS JOIN LATERAL (SELECT sum(debits_posted_fen - credits_posted_fen)::bigint AS fen FROM ledger_account
    WHERE id IN (line.unbilled_account_id, line.billed_account_id, line.instalment_account_id)) AS drawn
WHERE line.bucket > 1 AND line.status <> 'closed' AND oldest.due_on + make_interval(months => %(months)s) < %(on)s
  AND (%(lines)s::bigint[] IS NULL OR line.id = ANY(%(lines)s))
ORDER BY line.id FOR NO KEY UPDATE OF line
"""


def close_long_overdue(*, on: date, line_ids: Sequence[int] | None = None) -> int:
    """Closes every line that has been overdue for more months than the terms allow, of these or of all; returns how many."""
    parameters = {
        "on": on,
        "months": selectors.review_terms_on(on).close_overdue_months,
        "lines": None if line_ids is None else list(line_ids),
    }
    with transaction.atomic():
        # The first waits for whoever changes these lines, the second sees what they left.
        if not fetch_all(_TOO_LATE, parameters):
            return 0
        late = [_Closing(*row) for row in fetch_all(_TOO_LATE, parameters)]
        if late:
            _close(late, Why(OVERDUE, POLICY, f"overdue:{on}"), on)
        return len(late)
