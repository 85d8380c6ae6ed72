"""Putting a statement into instalments, and paying a plan off early. Purchases choose instalments when authorised."""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.utils.translation import gettext as _

from finance.errors import Kind
from finance.money import format_yuan, round_fen
from huabei import selectors
from huabei.errors import (
    AmountRefused,
    InstalmentsNotOffered,
    LineError,
    LineNotActive,
    require_amount,
    require_reference,
    require_same_request,
)
from huabei.instalments import fee_of, payoff_quote
from huabei.models import Due, LineStatus, Payoff, PayoffRule, Plan
from huabei.plans import as_row, option_on, rows_to_come, statement_choice
from huabei.services.excess import absorb_excess
from huabei.services.mornings import line_on
from huabei.services.plans import add_rows, end_rows, first_rows
from ledger.chart import CASH_CLEARING, COMMITMENT_CONTROL, FEE_INCOME
from ledger.services import Draft, Leg, post, request_hash


class NothingToSpread(LineError):
    """No statement can be put into instalments now: none is due, or something is overdue."""

    code = "nothing_to_spread"


class PlanNotFound(LineError):
    """There is no such plan."""

    code = "plan_not_found"
    kind = Kind.NOT_FOUND


class PlanEnded(LineError):
    """The plan has no instalments to come."""

    code = "plan_ended"
    kind = Kind.CONFLICT


def spread_statement(*, line_id: int, amount_fen: int, periods: int, reference: str, on: date) -> Plan:
    """
    Puts an amount of the latest statement's purchases into instalments; the first is billed on the next statement day.

    From the statement's day up to and with its due date, while nothing is overdue. What the statement asks for shrinks to
    what it would have asked for without this amount. The reference happens once per line.

    Errors: AmountRefused outside what may be chosen, InstalmentsNotOffered, LineNotActive, LineNotFound, NothingToSpread,
    ReferenceRefused, RequestConflict.
    """
    require_amount(amount_fen)
    require_reference(reference)
    asked = request_hash({"line": line_id, "amount": amount_fen, "instalments": periods})
    with transaction.atomic():
        line = line_on(line_id, on)
        first = Plan.objects.filter(line=line, reference=reference).first()
        if first is not None:
            require_same_request(first.request_hash or b"", asked)
            first.repeated = True
            return first
        if line.status != LineStatus.ACTIVE:
            raise LineNotActive(_("the line is %(status)s") % {"status": LineStatus(line.status).label})
        option = option_on(periods, on)
        if option is None:
            raise InstalmentsNotOffered(_("not offered in so many instalments"), field="instalments")
        position = selectors.line_position(line, on)
        choice = statement_choice(line, position, on)
        if choice is None or not choice.is_open:
            raise NothingToSpread(_("no statement is due, or something is overdue"))
        if not choice.smallest_fen <= amount_fen <= choice.largest_fen:
            bounds = {
                "smallest": format_yuan(choice.smallest_fen),
                "largest": format_yuan(choice.largest_fen),
            }
            raise AmountRefused(_("choose from %(smallest)s to %(largest)s") % bounds, field="amount")
        entry = post(
            draft=Draft(
                reference=f"line:{line_id}:spread:{reference}",
                event="line.spread",
                booked_on=on,
                request_hash=asked,
                legs=(Leg(line.instalment_account_id, line.billed_account_id, amount_fen),),
            )
        )
        plan = Plan.objects.create(
            line=line,
            due=choice.due,
            reference=reference,
            request_hash=asked,
            principal_fen=amount_fen,
            periods=periods,
            fee_rate=option.fee_rate,
            fee_fen=fee_of(amount_fen, option.fee_rate),
            terms=option.terms,
            payoff_rule=option.terms.early_payoff,
            made_on=on,
            entry_id=entry.entry_id,
        )
        add_rows(first_rows(plan))
        _ask_for_less(choice.due, amount_fen, still_billed_fen=position.billed_total_fen - amount_fen)
    return plan


def _ask_for_less(due: Due, amount_fen: int, *, still_billed_fen: int) -> None:
    """
    The due becomes what its statement would have asked for without this principal; what was paid towards it counts, and no
    more is asked for than is owed.
    """
    others_fen = selectors.minimum_outstanding(due.line_id) - due.outstanding_fen
    share = selectors.terms_on(due.issued_on).minimum_due_share
    asked_fen = round_fen(share * due.share_base_fen)
    asks_fen = round_fen(share * (due.share_base_fen - amount_fen))
    minimum_fen = max(due.minimum_fen - asked_fen + asks_fen, 0)
    less_fen = due.minimum_fen - minimum_fen
    due.principal_fen -= amount_fen
    due.share_base_fen -= amount_fen
    due.minimum_fen = minimum_fen
    due.outstanding_fen = max(min(due.outstanding_fen - less_fen, still_billed_fen - others_fen), 0)
    due.save(update_fields=["principal_fen", "share_base_fen", "minimum_fen", "outstanding_fen"])


def pay_off(*, plan_id: int, reference: str, on: date, amount_fen: int | None = None) -> Payoff:
    """
    Books the payment of all instalments to come of a plan, with their fees or without, as was agreed; its principal is
    available again. What was billed is not part of it: that is on a statement.

    Where `amount_fen` is given, it is what the customer was shown, and another amount is refused. A plan is paid off once:
    the same reference again answers with what was paid. Errors: AmountRefused, PlanEnded, PlanNotFound, ReferenceRefused.
    """
    require_reference(reference)
    with transaction.atomic():
        plan = Plan.objects.filter(pk=plan_id).first()
        if plan is None:
            raise PlanNotFound(_("there is no plan %(id)s") % {"id": plan_id})
        line = line_on(plan.line_id, on)
        first = Payoff.objects.filter(plan=plan).first()
        if first is not None and first.reference == reference and amount_fen in (None, first.amount_fen):
            first.repeated = True
            return first
        rows = rows_to_come(plan_id)
        if not sum(row.principal_fen for row in rows):
            raise PlanEnded(_("no principal is to come"))
        quote = payoff_quote(
            [as_row(row) for row in rows], fees_waived=plan.payoff_rule == PayoffRule.FEES_WAIVED, on=on
        )
        if amount_fen not in (None, quote.amount_fen):
            raise AmountRefused(
                _("%(amount)s pays this plan off") % {"amount": format_yuan(quote.amount_fen)}, field="amount"
            )
        cash = CASH_CLEARING.control_id
        legs = (
            Leg(line.fee_account_id, FEE_INCOME.control_id, quote.fee_fen),
            Leg(cash, line.fee_account_id, quote.fee_fen),
            Leg(cash, line.instalment_account_id, quote.principal_fen),
            Leg(COMMITMENT_CONTROL.control_id, line.commitment_account_id, quote.principal_fen),
        )
        entry = post(
            draft=Draft(
                reference=f"plan:{plan_id}:paid_off",
                event="plan.paid_off",
                booked_on=on,
                legs=tuple(leg for leg in legs if leg.amount_fen),
            )
        )
        end_rows(rows, on=on)
        if line.excess_fen:
            absorb_excess(line_ids=[line.pk], on=on)
        return Payoff.objects.create(
            plan=plan,
            reference=reference,
            principal_fen=quote.principal_fen,
            fee_fen=quote.fee_fen,
            waived_fen=quote.waived_fen,
            paid_on=on,
            entry_id=entry.entry_id,
        )
