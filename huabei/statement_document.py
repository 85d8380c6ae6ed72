"""
What a statement says as a document: its own frozen figures, and the facts of its period down to the last.

Nothing of what happened after its day is in it, so it says the same whenever it is made.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from customers.selectors import masked_national_id
from finance.rates import DailyRate
from huabei import history, selectors
from huabei.history import Event, StatementDetail
from huabei.models import Correction, CorrectionCause, PlanRow, Statement
from web.api.identifiers import public_id
from web.documents.content import (
    Column,
    Document,
    ExactMoney,
    Fact,
    Figure,
    Line,
    Money,
    Paragraph,
    Part,
    Rate,
    Section,
    Sum,
    Table,
    Value,
    phrase,
)
from web.documents.lender import lender

# What the API calls a statement: the document bears the same identifier.
REFERENCE = "statement"


def describe(statement: Statement) -> Document:
    """The statement as a document, in no language yet."""
    line = statement.line
    detail = history.statement_detail(statement, most=None)
    return Document(
        title=phrase(_("Statement of %(on)s"), on=statement.issued_on),
        subtitle=_("Credit line"),
        reference=public_id(REFERENCE, statement.pk),
        issuer=lender(),
        parties=(
            Fact(_("Name"), line.customer.full_name),
            Fact(_("National ID"), masked_national_id(line.customer)),
            Fact(_("Statement date"), statement.issued_on),
            Fact(_("Period"), phrase(_("%(since)s to %(until)s"), since=detail.since, until=detail.last_day)),
        ),
        figures=_figures(statement),
        parts=(
            Section(_("What it asks for")),
            _asked(statement),
            Section(_("How it came about")),
            _came_about(detail),
            *_runs(detail),
            *_events(_("Purchases"), detail.purchases, empty=_("Nothing was bought in this period.")),
            *_instalments(detail.instalments),
            *(_events(_("Refunds"), detail.refunds) if detail.refunds else ()),
            *(_events(_("Repaid in this period"), detail.repayments) if detail.repayments else ()),
            *(_events(_("Instalments paid off"), detail.payoffs) if detail.payoffs else ()),
            *_corrections(detail.corrections),
            *_how_to_pay(statement),
            *_questions(),
        ),
        footer=_("What is learned later stands on a later statement; this one stays as it is."),
    )


def _figures(statement: Statement) -> tuple[Figure, ...]:
    return (
        Figure(_("Total due"), Money(statement.total_fen), strong=True),
        Figure(_("Due by"), statement.due_on),
        Figure(_("Minimum due"), Money(statement.minimum_fen)),
    )


def _asked(statement: Statement) -> Sum:
    return Sum(
        (
            Line(_("Principal"), Money(statement.principal_fen)),
            Line(_("Interest"), Money(statement.interest_fen)),
            Line(_("Penalty"), Money(statement.penalty_fen)),
            Line(_("Fees"), Money(statement.fee_fen)),
            Line(_("Total"), Money(statement.total_fen), is_total=True),
        )
    )


def _came_about(detail: StatementDetail) -> Sum:
    """The sum of the borrower's page: what is nothing is left out, but for the purchases."""
    statement = detail.statement
    billed = (
        _("Newly billed purchases and instalments") if detail.instalments else _("Newly billed purchases")
    )
    principal = [
        (_("Instalments"), detail.instalments_fen),
        (_("Refunded or repaid before billing"), detail.settled_before_negative_fen),
        (_("Paid from your credit"), detail.credit_used_negative_fen),
    ]
    others = [
        (_("Principal of earlier statements, unpaid"), detail.carried_principal_fen),
        (_("Interest of this period"), statement.new_interest_fen),
        (_("Interest of earlier statements, unpaid"), detail.carried_interest_fen),
        (_("Penalty of this period"), statement.new_penalty_fen),
        (_("Penalty of earlier statements, unpaid"), detail.carried_penalty_fen),
        (_("Fees of these instalments"), statement.new_fee_fen),
        (_("Fees of earlier statements, unpaid"), detail.carried_fee_fen),
    ]
    return Sum(
        (
            Line(_("Purchases"), Money(statement.purchases_fen)),
            *(Line(label, Money(fen)) for label, fen in principal if fen),
            Line(billed, Money(statement.new_principal_fen), is_total=True),
            *(Line(label, Money(fen)) for label, fen in others if fen),
            Line(_("Total"), Money(statement.total_fen), is_total=True),
        )
    )


def _runs(detail: StatementDetail) -> Iterable[Part]:
    if not detail.runs:
        return
    yield Section(
        _("Interest and penalty, day by day"),
        _(
            "The sum is rounded to the fen once, when it is billed. What a repayment paid of it before is shown with the "
            "repayment."
        ),
    )
    yield Table(
        (
            Column(_("kind"), 1.4),
            Column(_("from"), 1.3),
            Column(_("last day"), 1.3),
            Column(_("days"), 0.6, is_figure=True),
            Column(_("what it runs on"), 1.3, is_figure=True),
            Column(_("rate a year"), is_figure=True),
            Column(_("rate a day"), is_figure=True),
            Column(_("amount"), 1.3, is_figure=True),
        ),
        tuple(
            (
                _("Penalty") if run.is_penalty else _("Interest"),
                run.since,
                run.last_day,
                run.days,
                Money(run.principal_fen),
                Rate(run.annual_rate),
                Rate(run.daily_rate),
                ExactMoney(run.exact_fen),
            )
            for run in detail.runs
        ),
    )


def _events(title: Value, events: list[Event], *, empty: Value = "") -> Iterable[Part]:
    yield Section(title)
    total = Money(sum(event.amount_fen for event in events))
    if any(event.shop for event in events) or not events:
        yield Table(
            (Column(_("date")), Column(_("shop"), 4.5), Column(_("amount"), 1.3, is_figure=True)),
            tuple((event.on, event.shop, Money(event.amount_fen)) for event in events),
            total=("", _("Total"), total),
            empty=empty,
        )
    else:
        yield Table(
            (Column(_("date")), Column(_("amount"), is_figure=True)),
            tuple((event.on, Money(event.amount_fen)) for event in events),
            total=(_("Total"), total),
        )


def _instalments(rows: list[PlanRow]) -> Iterable[Part]:
    if not rows:
        return
    yield Section(_("Instalments"))
    yield Table(
        (
            Column(_("of"), 3.5),
            Column(_("made on"), 1.2),
            Column(_("number"), 1.1),
            Column(_("principal"), 1.3, is_figure=True),
            Column(_("fee"), 1.1, is_figure=True),
        ),
        tuple(
            (
                row.plan.purchase.merchant.shop.name if row.plan.purchase else _("An earlier statement"),
                row.plan.made_on,
                phrase(_("%(number)s of %(periods)s"), number=row.number, periods=row.plan.periods),
                Money(row.principal_fen),
                Money(row.fee_fen),
            )
            for row in rows
        ),
        total=(
            _("Total"),
            "",
            "",
            Money(sum(row.principal_fen for row in rows)),
            Money(sum(row.fee_fen for row in rows)),
        ),
    )


def _cause(correction: Correction) -> Value:
    match correction.cause:
        case CorrectionCause.BOUNCED:
            return _("A repayment bounced")
        case CorrectionCause.BACKDATED:
            return _("A repayment counts from an earlier day")
        case _:
            assert correction.purchase
            return phrase(
                _("A purchase at %(shop)s was taken back"), shop=correction.purchase.merchant.shop.name
            )


def _corrections(corrections: list[Correction]) -> Iterable[Part]:
    if not corrections:
        return
    yield Section(
        _("Corrected in this period"),
        _(
            "Statements issued before stay as they are. What you owe is as if this had been known from the start."
        ),
    )
    yield Table(
        (
            Column(_("date"), 1.2),
            Column(_("what was learned"), 3),
            Column(_("counts from"), 1.2),
            Column(_("amount"), 1.3, is_figure=True),
            Column(_("interest, penalty and fees billed before"), 1.6, is_figure=True),
        ),
        tuple(
            (
                each.corrected_on,
                _cause(each),
                each.value_on,
                Money(each.amount_fen),
                Money(each.charges_fen),
            )
            for each in corrections
        ),
    )


def _how_to_pay(statement: Statement) -> Iterable[Part]:
    # Of the day on which interest or penalty begins: `services.terms` publishes no others once this is issued.
    terms = selectors.terms_on(statement.due_on + timedelta(days=1))
    rates = {
        "revolving": DailyRate(terms.revolving_daily_rate),
        "penalty": DailyRate(terms.penalty_daily_rate),
    }
    yield Section(_("How to pay"))
    yield Paragraph(
        phrase(
            _(
                "Sign in and choose “Repay”, or name what it is to be collected from under “Autopay”: it is then "
                "collected on %(due)s, in the order that you chose. You can pay at any time and any amount."
            ),
            due=statement.due_on,
        )
    )
    yield Paragraph(
        phrase(
            _(
                "Paid in full by %(due)s, nothing more is charged. If only the minimum is paid by then, interest of "
                "%(annual)s a year (%(daily)s a day) runs from the day after it on the principal that is left."
            ),
            due=statement.due_on,
            annual=Rate(rates["revolving"].simple_annual),
            daily=Rate(rates["revolving"].per_day),
        )
    )
    yield Paragraph(
        phrase(
            _(
                "If less than the minimum is paid, you are overdue, and a penalty of %(annual)s a year (%(daily)s a day) "
                "runs instead, on all that is billed and unpaid. The day on which you pay does not count."
            ),
            annual=Rate(rates["penalty"].simple_annual),
            daily=Rate(rates["penalty"].per_day),
        )
    )


def _questions() -> Iterable[Part]:
    issuer = lender()
    if not issuer.contact and not issuer.complaints:
        return
    yield Section(_("Questions and complaints"))
    if issuer.contact:
        yield Paragraph(
            phrase(
                _("If something here is not as you know it, tell us: %(contact)s."),
                contact=issuer.contact[0],
            )
        )
    if issuer.complaints:
        yield Paragraph(
            phrase(
                _("To complain about how we dealt with you: %(where)s."),
                where=issuer.complaints,
            )
        )
