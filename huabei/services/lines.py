"""Opening lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from finance.errors import Kind
from huabei.errors import LineError, LineNotFound, require_amount
from huabei.models import Line
from ledger.chart import COMMITMENT_CONTROL
from ledger.services import constraint_name
from ledger.sql import fetch_all

# Statement day → due day. Source: DOMAIN, Huabei.
CALENDARS = {1: 10, 5: 15, 10: 20, 15: 25}


# The cause of a freeze for which the close freezes a line, and a payment thaws it.
OVERDUE = "overdue"


def locked_line(line_id: int) -> Line:
    """The line, locked until the transaction ends: one change of a line's debts at a time. Error: LineNotFound."""
    line = Line.objects.select_for_update().filter(pk=line_id).first()
    if line is None:
        raise LineNotFound(_("there is no line %(id)s") % {"id": line_id})
    return line


class AlreadyHasLine(LineError):
    """One line per customer that is not closed."""

    code = "already_has_line"
    kind = Kind.CONFLICT


class CalendarRefused(LineError):
    """A statement day or due day that not every month has, or both on the same day."""

    code = "calendar_refused"


@dataclass(frozen=True, slots=True)
class Opening:
    """One line to open. `score` is what the policy went by, None where it did not."""

    customer_id: UUID
    limit_fen: int
    score: int | None = None
    statement_day: int = 1
    due_day: int = 10


# The line's eight accounts, and the role each plays; see ledger.chart for their types.
_OPEN = """
WITH opening AS (
    SELECT nextval('huabei_line_id_seq') AS line_id, gen_random_uuid() AS line_uuid,
           nextval('ledger_account_id_seq') AS commitment,
           nextval('ledger_account_id_seq') AS unbilled,
           nextval('ledger_account_id_seq') AS billed,
           nextval('ledger_account_id_seq') AS instalment,
           nextval('ledger_account_id_seq') AS interest,
           nextval('ledger_account_id_seq') AS fee,
           nextval('ledger_account_id_seq') AS penalty,
           nextval('ledger_account_id_seq') AS credit,
           nextval('ledger_entry_id_seq') AS entry_id,
           given.*
    FROM unnest(%(customers)s::uuid[], %(limits)s::bigint[], %(scores)s::smallint[],
                %(statement_days)s::smallint[], %(due_days)s::smallint[])
        AS given (customer_id, limit_fen, score, statement_day, due_day)
), account AS (
    INSERT INTO ledger_account (id, type_code, owner, counted, cap)
    SELECT role.id, role.type_code, customer_id, true, role.cap
    FROM opening CROSS JOIN LATERAL (VALUES
        (commitment, 'commitment', 'debits'), (unbilled, 'principal_unbilled', 'credits'),
        (billed, 'principal_billed', 'credits'), (instalment, 'principal_instalment', 'credits'),
        (interest, 'interest_receivable', 'credits'), (fee, 'fee_receivable', 'credits'),
        (penalty, 'penalty_receivable', 'credits'), (credit, 'customer_credit', 'debits')) AS role (id, type_code, cap)
), line AS (
    INSERT INTO huabei_line (id, uuid, customer_id, status, frozen_cause, limit_fen, statement_day, due_day, opened_on,
        review_on, score, commitment_account_id, unbilled_account_id, billed_account_id, instalment_account_id,
        interest_account_id, fee_account_id, penalty_account_id, credit_account_id)
    SELECT line_id, line_uuid, customer_id, 'active', '', limit_fen, statement_day, due_day, %(on)s,
           (%(on)s::date + make_interval(months => (SELECT months_between FROM huabei_reviewterms
               WHERE effective_from <= %(on)s ORDER BY effective_from DESC LIMIT 1)))::date,
           score, commitment, unbilled, billed, instalment, interest, fee, penalty, credit
    FROM opening
), entry AS (
    INSERT INTO ledger_entry (id, reference, event, booked_on, value_on)
    SELECT entry_id, 'line:' || line_id || ':granted', 'line.granted', %(on)s, %(on)s FROM opening
), granted AS (
    INSERT INTO ledger_transfer (entry_id, kind, debit_account_id, credit_account_id, amount_fen, booked_on)
    SELECT entry_id, 0, %(control)s, commitment, limit_fen, %(on)s FROM opening
)
SELECT line_id FROM opening ORDER BY line_id
"""


def open_lines(*, openings: Sequence[Opening], on: date) -> list[int]:
    """
    Opens lines and grants their limits in one statement; returns their ids in the order given.

    All or none. Errors: AlreadyHasLine when a customer has a line that is not closed (the database keeps that),
    AmountRefused, CalendarRefused.
    """
    if not openings:
        return []
    for opening in openings:
        require_amount(opening.limit_fen)
        _require_calendar(opening)
    parameters = {
        "customers": [opening.customer_id for opening in openings],
        "limits": [opening.limit_fen for opening in openings],
        "scores": [opening.score for opening in openings],
        "statement_days": [opening.statement_day for opening in openings],
        "due_days": [opening.due_day for opening in openings],
        "control": COMMITMENT_CONTROL.control_id,
        "on": on,
    }
    try:
        with transaction.atomic():
            return [line_id for (line_id,) in fetch_all(_OPEN, parameters)]
    except IntegrityError as error:
        if constraint_name(error) == "line_one_live_per_customer":
            raise AlreadyHasLine(_("a customer has one line at a time")) from error
        raise


def _require_calendar(opening: Opening) -> None:
    for day, field in ((opening.statement_day, "statement_day"), (opening.due_day, "due_day")):
        if not 1 <= day <= 28:
            raise CalendarRefused(_("must be a day of the month from 1 to 28"), field=field)
    if opening.statement_day == opening.due_day:
        raise CalendarRefused(_("must differ from the statement day"), field="due_day")


def open_line(*, opening: Opening, on: date) -> int:
    """Opens one line; see `open_lines`."""
    return open_lines(openings=[opening], on=on)[0]
