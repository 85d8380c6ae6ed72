"""
What a loan's contract says: the figures that are frozen at signing, the schedule, and the clauses that the terms make.

It is made of what is signed and of nothing that happens later, so it says the same before the signature and ever after.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from customers.models import Customer
from customers.selectors import masked_national_id
from finance.loan import LoanTerms
from finance.rates import DailyRate
from finance.schedule import build
from lending.models import CapMethod, Loan, Pledge, Product
from lending.pledging import shares
from lending.services.pledging import order_base, order_rule
from lending.services.quoting import Quoted
from lending.terms import loan_terms, number_of
from lending.words import FEES, METHODS, product_name
from web.documents.content import (
    Column,
    Document,
    Fact,
    Figure,
    Line,
    Money,
    Paragraph,
    Part,
    Phrase,
    Rate,
    Section,
    Sum,
    Table,
    phrase,
)
from web.documents.lender import lender

TWO_PLACES = Decimal("0.0001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What a contract is made of. `reference` is the loan's identifier; before the signature there is none."""

    customer: Customer
    product: Product
    terms: LoanTerms
    simple_rate: Decimal
    effective_rate: Decimal
    price_cap: Decimal
    cap_method: str
    on: date
    reference: str = ""
    # The orders that are pledged, where it is lent against orders: (reference, worth, share of the principal).
    pledges: tuple[tuple[str, int, int], ...] = ()


def offered(quoted: Quoted, customer: Customer, on: date) -> Agreement:
    """What is about to be signed."""
    return Agreement(
        customer=customer,
        product=quoted.offer.version.product,
        terms=quoted.terms,
        simple_rate=quoted.annual_rates.simple,
        effective_rate=quoted.annual_rates.effective,
        price_cap=quoted.rule.price_cap,
        cap_method=quoted.rule.cap_method,
        on=on,
        pledges=_would_be_pledged(quoted, customer, on),
    )


def _would_be_pledged(quoted: Quoted, customer: Customer, on: date) -> tuple[tuple[str, int, int], ...]:
    """The orders that signing takes today; none where they do not cover the amount, so that nothing can be signed."""
    rule = order_rule(quoted.offer.version.product_id, on)
    principal_fen = quoted.terms.schedule.principal_fen
    base = order_base(customer_id=customer.pk, rule=rule, on=on) if rule else None
    if base is None or base.amount_fen < principal_fen:
        return ()
    return tuple((order.reference, fen, share) for order, fen, share in shares(base, principal_fen))


def signed(loan: Loan) -> Agreement:
    """What was signed."""
    terms = loan.terms
    return Agreement(
        customer=loan.customer,
        product=loan.product,
        terms=loan_terms(terms.document),
        simple_rate=terms.simple_rate,
        effective_rate=terms.effective_rate,
        price_cap=terms.price_cap,
        cap_method=terms.cap_method,
        on=loan.signed_on,
        reference=str(loan.uuid),
        pledges=tuple(
            Pledge.objects.filter(loan=loan)
            .order_by("pk")
            .values_list("order__reference", "amount_fen", "share_fen")
        ),
    )


def describe(agreement: Agreement) -> Document:
    """The contract as a document, in no language yet."""
    plan = agreement.terms.schedule
    schedule = build(plan)
    return Document(
        title=_("Loan contract"),
        subtitle=_Named(agreement.product),
        reference=agreement.reference,
        issuer=lender(),
        parties=(
            Fact(_("Borrower"), agreement.customer.full_name),
            Fact(_("National ID"), masked_national_id(agreement.customer)),
            Fact(_("Signed on"), agreement.on),
            Fact(_("Repaid"), METHODS[plan.method]),
        ),
        figures=(
            Figure(_("Annual rate, simple"), Rate(agreement.simple_rate.quantize(TWO_PLACES)), strong=True),
            Figure(
                _("Annual rate, effective"), Rate(agreement.effective_rate.quantize(TWO_PLACES)), strong=True
            ),
            Figure(_("Amount"), Money(plan.principal_fen)),
        ),
        parts=(
            Section(_("What it costs")),
            Sum(
                (
                    Line(_("Principal"), Money(schedule.principal_fen)),
                    Line(_("Interest"), Money(schedule.interest_fen)),
                    Line(_("Fees"), Money(schedule.fee_fen)),
                    Line(_("You pay back in all"), Money(schedule.due_fen), is_total=True),
                )
            ),
            Section(
                _("Schedule"), _("If the money is paid out today and each instalment is paid on its day.")
            ),
            _schedule(agreement.terms),
            *_pledges(agreement),
            Section(_("What is agreed")),
            *clauses(agreement),
        ),
        footer=_(
            "What was signed is never changed by the lender; a later version of the product does not touch it."
        ),
    )


class _Named:
    """A product by its name in the language in force."""

    def __init__(self, product: Product) -> None:
        self._product = product

    def __str__(self) -> str:
        return product_name(self._product)


def _schedule(terms: LoanTerms) -> Table:
    rows = [row for row in build(terms.schedule).rows if row.due_fen]
    return Table(
        (
            Column(_("Due on"), 1.2),
            Column(_("Principal"), 1, is_figure=True),
            Column(_("Interest"), 1, is_figure=True),
            Column(_("Fees"), 1, is_figure=True),
            Column(_("To pay"), 1, is_figure=True),
            Column(_("Left"), 1, is_figure=True),
        ),
        tuple(
            (
                row.due_on,
                Money(row.principal_fen),
                Money(row.interest_fen),
                Money(row.fee_fen),
                Money(row.due_fen),
                Money(row.outstanding_fen),
            )
            for row in rows
        ),
    )


def _pledges(agreement: Agreement) -> tuple[Part, ...]:
    """The orders that stand for the loan, where it is lent against orders."""
    if not agreement.pledges:
        return ()
    columns = (
        Column(_("Order"), 2),
        Column(_("Counts for"), 1, is_figure=True),
        Column(_("Of the principal"), 1, is_figure=True),
    )
    rows = tuple((order, Money(worth), Money(share)) for order, worth, share in agreement.pledges)
    return Section(_("Pledged orders")), Table(columns, rows)


def clauses(agreement: Agreement) -> tuple[Part, ...]:
    """The clauses, numbered."""
    texts = [
        _lent(agreement),
        _interest(agreement),
        *_fees(agreement),
        _early(agreement),
        *_late(agreement),
        *_secured(agreement),
        _cap(agreement),
        _(
            "You may read what is due and what became of each payment at any time, and take this contract with you."
        ),
    ]
    return tuple(Paragraph(text, number=f"{n}.") for n, text in enumerate(texts, start=1))


def _lent(agreement: Agreement) -> Phrase:
    plan = agreement.terms.schedule
    return phrase(
        _(
            "The lender lends %(amount)s and pays out %(net)s of it; interest runs from the day on which it is paid out."
        ),
        amount=Money(plan.principal_fen),
        net=Money(build(plan).net_disbursed_fen),
    )


def _interest(agreement: Agreement) -> Phrase:
    rate = agreement.terms.schedule.rate
    number = Rate(number_of(rate))
    if isinstance(rate, DailyRate):
        return phrase(
            _(
                "Interest is %(rate)s a day on what is owed of it: the day of lending counts, that of repaying does not."
            ),
            rate=number,
        )
    return phrase(
        _("Interest is %(rate)s a year on the principal that is owed, counted by the day (%(count)s)."),
        rate=number,
        count=rate.day_count.value,
    )


def _fees(agreement: Agreement) -> list[Phrase]:
    return [
        phrase(_("A fee of %(rate)s of the amount: %(when)s."), rate=Rate(fee.rate), when=FEES[fee.kind])
        for fee in agreement.terms.schedule.fees
    ]


def _early(agreement: Agreement) -> Phrase | object:
    rules = agreement.terms.rules
    if not rules.prepayment_fees:
        return _(
            "You may repay all or part of it on any day, free of charge, with the interest until that day."
        )
    last, rate = rules.prepayment_fees[0]
    if len(rules.prepayment_fees) == 1:
        return phrase(
            _("Repaying principal early costs %(rate)s of it up to instalment %(last)s, and nothing later."),
            rate=Rate(rate),
            last=last,
        )
    then, lower = rules.prepayment_fees[1]
    return phrase(
        _(
            "Repaying principal early costs %(rate)s of it up to instalment %(last)s, %(lower)s up to instalment "
            "%(then)s, and nothing later."
        ),
        rate=Rate(rate),
        last=last,
        lower=Rate(lower),
        then=then,
    )


def _late(agreement: Agreement) -> list[Phrase]:
    rules = agreement.terms.rules
    if not isinstance(rules.penalty, DailyRate):
        return []
    said = [
        phrase(
            _(
                "Principal that is late costs a penalty of %(rate)s a day besides, from the day after its due date."
            ),
            rate=Rate(rules.penalty.per_day),
        )
    ]
    if rules.grace_days:
        said.append(
            phrase(_("There is no penalty on what is paid within %(days)s days."), days=rules.grace_days)
        )
    return said


def _secured(agreement: Agreement) -> list[object]:
    if not agreement.pledges:
        return []
    return [
        _(
            "The pledged orders stand for this loan, each for the part of the principal beside it. What comes in for one of "
            "them repays this loan first, as much as ends it; the rest is the borrower's."
        ),
        _(
            "Where a buyer gets money back for a pledged order, what of the principal no pledged order stands for any more "
            "is due at once and is collected from the borrower's wallets and cards."
        ),
    ]


def _cap(agreement: Agreement) -> Phrase:
    return phrase(
        _("The law allows an annual rate of %(cap)s, %(method)s; all that this loan costs is within it."),
        cap=Rate(agreement.price_cap),
        method=CapMethod(agreement.cap_method).label,
    )
