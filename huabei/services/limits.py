"""
Limits of lines: set higher or lower, raised for a time, and taken away.

A limit lowered below what is drawn leaves an excess that is absorbed as things come back (see `excess`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from customers.models import Customer
from finance.errors import Kind
from huabei.applicants import exposure_of, policy_in_force
from huabei.errors import (
    LARGEST_AMOUNT_FEN,
    AmountRefused,
    LineError,
    LineNotActive,
    LineNotFound,
    require_amount,
    require_same_request,
)
from huabei.models import Concern, LimitChange, LimitChangeKind, Line, LineStatus, TemporaryLimit
from huabei.services.causes import POLICY, Why, require_why
from huabei.services.excess import absorb_excess
from huabei.telling import tell_limits
from ledger.chart import COMMITMENT_CONTROL
from ledger.sql import affected, fetch_all

LONGEST_TEMPORARY = timedelta(days=366)


class LimitRefused(LineError):
    """A limit that the policy does not allow."""

    code = "limit_refused"


class TemporaryNotFound(LineError):
    """There is no such temporary limit that is open."""

    code = "temporary_limit_not_found"
    kind = Kind.NOT_FOUND


@dataclass(frozen=True, slots=True)
class NewLimit:
    """What a line's limit is to be, and what of it is for a time."""

    line_id: int
    after_fen: int
    temporary_fen: int
    why: Why
    request_hash: bytes
    temporary_id: int | None = None


# What is taken from a limit is first covered as an excess, on the same account in the same entry: so the account is this
# transaction's own from here on, and what `absorb_excess` then finds available stays available. Authorisations, which lock
# nothing but that account, wait there.
_SET = """
WITH line AS (
    SELECT line.id, line.commitment_account_id, line.limit_fen AS before_fen, given.*,
           nextval('ledger_entry_id_seq') AS entry_id, nextval('huabei_limitchange_id_seq') AS change_id
    FROM unnest(%(lines)s::bigint[], %(limits)s::bigint[], %(temporary)s::bigint[], %(temporaries)s::bigint[],
                %(causes)s::text[], %(bys)s::text[], %(notes)s::text[], %(references)s::text[], %(hashes)s::bytea[])
        AS given (line_id, after_fen, temporary_fen, temporary_id, cause, by, note, reference, request_hash)
    JOIN huabei_line AS line ON line.id = given.line_id
    WHERE line.limit_fen <> given.after_fen
), entry AS (
    INSERT INTO ledger_entry (id, reference, event, booked_on, value_on)
    SELECT entry_id, 'line:' || id || ':limit:' || change_id, 'line.limit_changed', %(on)s, %(on)s FROM line
), moved AS (
    INSERT INTO ledger_transfer (entry_id, kind, debit_account_id, credit_account_id, amount_fen, booked_on)
    SELECT entry_id, 0, leg.debit, leg.credit, leg.amount_fen, %(on)s
    FROM line CROSS JOIN LATERAL (VALUES
        (%(control)s, commitment_account_id, abs(after_fen - before_fen)),
        (commitment_account_id, %(control)s, greatest(before_fen - after_fen, 0))) AS leg (debit, credit, amount_fen)
    WHERE leg.amount_fen > 0
), changed AS (
    UPDATE huabei_line SET limit_fen = line.after_fen, temporary_fen = line.temporary_fen,
        excess_fen = excess_fen + greatest(before_fen - after_fen, 0)
    FROM line WHERE huabei_line.id = line.id
)
INSERT INTO huabei_limitchange (id, line_id, kind, cause, by, note, reference, request_hash, changed_on, before_fen,
                                after_fen, temporary_id, entry_id)
SELECT change_id, id, %(kind)s, cause, by, note, reference, request_hash, %(on)s, before_fen, after_fen, temporary_id,
       entry_id
FROM line
"""


def set_limits(*, limits: Sequence[NewLimit], kind: LimitChangeKind, on: date) -> None:
    """
    Changes limits, one fact each, in two statements; a limit that stays as it is is no change.

    For the lines that the caller has locked, and whose figures it read after that.
    """
    ids = [limit.line_id for limit in limits]
    parameters = {
        "lines": ids,
        "limits": [limit.after_fen for limit in limits],
        "temporary": [limit.temporary_fen for limit in limits],
        "temporaries": [limit.temporary_id for limit in limits],
        "causes": [limit.why.cause for limit in limits],
        "bys": [limit.why.by for limit in limits],
        "notes": [limit.why.note for limit in limits],
        "references": [limit.why.reference for limit in limits],
        "hashes": [limit.request_hash for limit in limits],
        "kind": kind.value,
        "on": on,
        "control": COMMITMENT_CONTROL.control_id,
    }
    affected(_SET, parameters)
    absorb_excess(line_ids=ids, on=on)
    if kind != LimitChangeKind.CLOSED:
        tell_limits(line_ids=ids, on=on)


def locked_open_line(line_id: int) -> Line:
    """The line, locked until the transaction ends. Errors: LineNotFound, LineNotActive when it is closed."""
    line = Line.objects.select_for_update().filter(pk=line_id).first()
    if line is None:
        raise LineNotFound(_("there is no line %(id)s") % {"id": line_id})
    if line.status == LineStatus.CLOSED:
        raise LineNotActive(_("the line is closed"))
    return line


def _locked_with_owner(line_id: int) -> Line:
    """As `locked_open_line`, after its owner: one decision on what a person may owe at a time, as when lines are opened."""
    owner = Line.objects.filter(pk=line_id).values("customer_id")
    list(Customer.objects.select_for_update(no_key=True).filter(pk__in=owner).values_list("pk"))
    return locked_open_line(line_id)


def _before(line_id: int, reference: str, asked: bytes) -> LimitChange | None:
    """The change that was made under this reference before. RequestConflict when it was another one."""
    first = LimitChange.objects.filter(line_id=line_id, reference=reference).first()
    if first is not None:
        require_same_request(first.request_hash, asked)
    return first


def _require_room(line: Line, after_fen: int, on: date) -> None:
    """LimitRefused when a raised limit exceeds the largest one, or what one person may owe and draw."""
    policy = policy_in_force(on).figures
    if after_fen > policy.maximum_limit_fen:
        raise LimitRefused(_("more than the largest limit"), field="limit")
    owes_fen, lent_fen = exposure_of(line.customer_id)
    if after_fen - line.limit_fen > policy.room_fen(owes_fen, lent_fen):
        raise LimitRefused(_("more than one person may owe and draw"), field="limit")


def change_limit(*, line_id: int, limit_fen: int, why: Why, on: date) -> LimitChange:
    """
    Sets the limit without what is lent for a time. Below what is drawn, nothing can be bought until enough has come back.

    The reference happens once per line. Errors: AmountRefused, CauseRefused, LimitRefused where it stays as it is or is
    higher than allowed, LineNotActive when the line is closed, LineNotFound, ReferenceRefused, RequestConflict.
    """
    if not 0 <= limit_fen <= LARGEST_AMOUNT_FEN:
        raise AmountRefused(_("the limit must be at least 0.00"), field="limit")
    asked = why.hash({"limit": limit_fen})
    with transaction.atomic():
        line = _locked_with_owner(line_id)
        if first := _before(line_id, why.reference, asked):
            return first
        require_why(why, Concern.LIMIT, on)
        after_fen = limit_fen + line.temporary_fen
        if after_fen == line.limit_fen:
            raise LimitRefused(_("this is the limit already"), field="limit")
        if after_fen > line.limit_fen:
            _require_room(line, after_fen, on)
        new = NewLimit(line_id, after_fen, line.temporary_fen, why, asked)
        set_limits(limits=[new], kind=LimitChangeKind.SET, on=on)
        return LimitChange.objects.get(line_id=line_id, reference=why.reference)


def raise_temporarily(*, line_id: int, amount_fen: int, last_day: date, why: Why, on: date) -> LimitChange:
    """
    Raises a limit up to and with a last day; several such raises add up, each until its own day.

    Errors: as of `change_limit`, and LimitRefused for a last day that has passed or is more than a year away.
    """
    require_amount(amount_fen)
    asked = why.hash({"amount": amount_fen, "last_day": last_day})
    with transaction.atomic():
        line = _locked_with_owner(line_id)
        if first := _before(line_id, why.reference, asked):
            return first
        require_why(why, Concern.TEMPORARY, on)
        if not on <= last_day <= on + LONGEST_TEMPORARY:
            raise LimitRefused(_("must be from today to a year from now"), field="last_day")
        _require_room(line, line.limit_fen + amount_fen, on)
        temporary = TemporaryLimit.objects.create(
            line=line, amount_fen=amount_fen, granted_on=on, last_day=last_day
        )
        new = NewLimit(
            line_id, line.limit_fen + amount_fen, line.temporary_fen + amount_fen, why, asked, temporary.pk
        )
        set_limits(limits=[new], kind=LimitChangeKind.TEMPORARY, on=on)
        return LimitChange.objects.get(line_id=line_id, reference=why.reference)


def end_temporary(*, temporary_id: int, why: Why, on: date) -> LimitChange:
    """
    Ends a temporary limit before its last day.

    Errors: CauseRefused, LineNotActive, ReferenceRefused, RequestConflict, TemporaryNotFound.
    """
    asked = why.hash({"temporary": temporary_id})
    with transaction.atomic():
        temporary = TemporaryLimit.objects.filter(pk=temporary_id).first()
        if temporary is None:
            raise TemporaryNotFound(_("there is no temporary limit %(id)s") % {"id": temporary_id})
        line = locked_open_line(temporary.line_id)
        if first := _before(line.pk, why.reference, asked):
            return first
        require_why(why, Concern.LIMIT, on)
        if not TemporaryLimit.objects.filter(pk=temporary_id, ended_on__isnull=True).update(ended_on=on):
            raise TemporaryNotFound(_("this temporary limit has ended"))
        new = NewLimit(
            line.pk,
            line.limit_fen - temporary.amount_fen,
            line.temporary_fen - temporary.amount_fen,
            why,
            asked,
            temporary_id,
        )
        set_limits(limits=[new], kind=LimitChangeKind.TEMPORARY_ENDED, on=on)
        return LimitChange.objects.get(line_id=line.pk, reference=why.reference)


_LOCK_EXPIRED = """
SELECT FROM huabei_line WHERE id IN (
    SELECT line_id FROM huabei_temporarylimit WHERE ended_on IS NULL AND last_day <= %(last)s
      AND (%(lines)s::bigint[] IS NULL OR line_id = ANY(%(lines)s)))
ORDER BY id FOR NO KEY UPDATE
"""

_EXPIRED = """
UPDATE huabei_temporarylimit AS temporary SET ended_on = %(on)s
FROM huabei_line AS line
WHERE line.id = temporary.line_id AND ended_on IS NULL AND last_day <= %(last)s
  AND (%(lines)s::bigint[] IS NULL OR line_id = ANY(%(lines)s))
RETURNING temporary.id, line.id, temporary.amount_fen, line.limit_fen, line.temporary_fen
"""


def expire_temporary_limits(*, last_day: date, on: date, line_ids: Sequence[int] | None = None) -> int:
    """
    Ends every temporary limit whose last day is `last_day` or earlier, booked on `on`, of these lines or of all; returns how
    many. Where several of a line end, one change follows the other.
    """
    parameters = {"last": last_day, "on": on, "lines": None if line_ids is None else list(line_ids)}
    with transaction.atomic():
        if not fetch_all(_LOCK_EXPIRED, parameters):
            return 0
        waiting = sorted(fetch_all(_EXPIRED, parameters))
        ended = len(waiting)
        taken: dict[int, int] = {}
        while waiting:
            # One of each line at a time: a statement sees what stood before it.
            first = {row[1]: row for row in reversed(waiting)}
            limits = []
            for temporary_id, line_id, amount_fen, limit_fen, temporary_fen in first.values():
                taken[line_id] = taken.get(line_id, 0) + amount_fen
                why = Why("expired", POLICY, f"temporary:{temporary_id}:expired")
                limits.append(
                    NewLimit(
                        line_id,
                        limit_fen - taken[line_id],
                        temporary_fen - taken[line_id],
                        why,
                        why.hash({"temporary": temporary_id}),
                        temporary_id,
                    )
                )
            set_limits(limits=limits, kind=LimitChangeKind.TEMPORARY_ENDED, on=on)
            done = {row[0] for row in first.values()}
            waiting = [row for row in waiting if row[0] not in done]
        return ended
