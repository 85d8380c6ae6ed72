"""A loan's page: what stands on its accounts, its schedule, everything that happened, and what may be done about it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ledger.models import Transfer
from ledger.selectors import positions
from lending.admin.acts import ACTS, UNDO
from lending.admin.links import undo_url
from lending.admin.orders import pledges_table
from lending.admin.tables import postings_table, schedule_table, schedules_table, timeline_table
from lending.history import Event, ShownRow, events, standing
from lending.models import Loan, Pledge, RateUnit, Segment
from lending.paying import COLLECTION, DISBURSEMENT
from lending.words import METHODS, product_name, term
from payments.models import PaymentOrder
from web.acts import ActingAdmin, Figures
from web.console import Table, add_link, link_to, list_url, money
from web.templatetags.money import annual, percent
from web.today import business_date

ACCOUNTS: tuple[tuple[str, Any, bool], ...] = (
    # The attribute of a loan, its name, and whether what stands there is a debt of the borrower.
    ("principal_account_id", _("principal"), True),
    ("interest_account_id", _("interest owed"), True),
    ("fee_account_id", _("fees owed"), True),
    ("penalty_account_id", _("penalty owed"), True),
    ("credit_account_id", _("borrower's credit"), False),
    ("claim_account_id", _("claim after it was given up"), True),
)


@admin.register(Loan)
class LoanAdmin(ActingAdmin):
    """Loans, newest first."""

    list_display = (
        "number",
        "customer",
        "product_is",
        "status",
        "classification",
        "amount",
        "owed",
        "signed_on",
        "disbursed_on",
    )
    list_display_links = ("number", "customer")
    list_select_related = ("customer", "product", "terms")
    list_filter = ("status", "classification", "product")
    search_fields = ("=uuid", "=customer__id", "customer__full_name__startswith")
    search_help_text = _("The beginning of a name, or the whole identifier of a loan or a customer.")
    ordering = ("-pk",)
    acts = ACTS
    fields = (
        "customer_page",
        "product_is",
        "status",
        "classification",
        "amount",
        "rates",
        "cap",
        "rate",
        "plan",
        "score",
        "signed_on",
        "disbursed_on",
        "sealed",
        "identifier",
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All of them."""
        return self.fields

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("customer", "product", "terms__offer")

    def prepare(self, records: list[Loan]) -> None:
        """Reads the principal of all loans of the page in one query."""
        found = positions([loan.principal_account_id for loan in records])
        for loan in records:
            loan.owed_fen = found[loan.principal_account_id].debit_fen  # type: ignore[attr-defined]

    @admin.display(description=_("number"), ordering="pk")
    def number(self, loan: Loan) -> str:
        """The number of the loan."""
        return f"#{loan.pk}"

    @admin.display(description=_("product"))
    def product_is(self, loan: Loan) -> str:
        """What it is called."""
        return product_name(loan.product)

    @admin.display(description=_("amount"))
    def amount(self, loan: Loan) -> SafeString:
        """What was signed."""
        return money(loan.terms.principal_fen)

    @admin.display(description=_("principal owed"))
    def owed(self, loan: Any) -> SafeString:
        """What is left of the principal."""
        return money(loan.owed_fen)

    @admin.display(description=_("customer"))
    def customer_page(self, loan: Loan) -> SafeString:
        """Whose loan it is."""
        return link_to("customers_customer", loan.customer_id, loan.customer)

    @admin.display(description=_("annual rate, simple and effective"))
    def rates(self, loan: Loan) -> str:
        """Both rates that were shown at signing."""
        return f"{annual(loan.terms.simple_rate)} / {annual(loan.terms.effective_rate)}"

    @admin.display(description=_("price cap"))
    def cap(self, loan: Loan) -> str:
        """The cap at signing and how it is counted."""
        return f"{annual(loan.terms.price_cap)}, {loan.terms.get_cap_method_display()}"

    @admin.display(description=_("signed rate"))
    def rate(self, loan: Loan) -> str:
        """The rate in its unit."""
        unit = RateUnit(loan.terms.document["rate_unit"]).label
        return gettext("%(rate)s %(unit)s") % {"rate": percent(loan.terms.rate), "unit": unit}

    @admin.display(description=_("way of repaying"))
    def plan(self, loan: Loan) -> str:
        """Method and term."""
        signed = loan.terms.document
        return f"{METHODS[signed['method']]} · {term(signed['periods'], signed['unit'], signed['every'])}"

    @admin.display(description=_("score at signing"))
    def score(self, loan: Loan) -> int:
        """The score that was decided with."""
        return loan.terms.score

    @admin.display(description=_("seal of the terms, SHA-256"))
    def sealed(self, loan: Loan) -> str:
        """What proves that the terms are those that were signed."""
        return bytes(loan.terms.sha256).hex()

    @admin.display(description=_("identifier"))
    def identifier(self, loan: Loan) -> str:
        """How others name the loan."""
        return str(loan.uuid)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any
    ) -> HttpResponse:
        if (loan := options.get("obj")) is not None:
            loan.undoable = request.user.has_perm(UNDO)
        return super().render_change_form(request, context, *args, **options)

    def tables(self, record: Any) -> Iterable[Table]:
        """Balances, what happened, the schedule, interest and payment orders; a fixed number of queries."""
        on = business_date()
        yield _accounts(record)
        if on is None:
            return
        stands = standing(record, on)
        yield timeline_table(
            events(record, stands.told), lambda event: _undo(event) if record.undoable else "–"
        )
        yield schedule_table(stands.rows)
        pledged = Pledge.objects.filter(loan=record).select_related("loan__customer")
        if pledged:
            yield pledges_table(pledged)
        yield _segments(record)
        yield _orders(record)

    def called(self, record: Loan) -> str:
        return f"{record.customer} #{record.pk}"

    def stands(self, record: Loan, on: date) -> Figures:
        """What a preview compares."""
        stands = standing(self._anew(record), on)
        return [
            (_("status"), stands.loan.get_status_display()),
            (_("principal owed"), money(stands.told.outstanding.principal_fen)),
            (_("due by now"), money(stands.due_fen)),
            (_("days past due"), stands.days_past_due),
            (_("interest accrued"), money(stands.interest_fen)),
            (_("borrower's credit"), money(stands.told.credit_fen)),
            (_("ends the loan today"), money(stands.payoff_fen)),
            (_("all instalments"), money(sum(shown.row.due_fen for shown in stands.rows))),
        ]

    def beside(self, record: Loan, on: date) -> list[ShownRow]:
        """Its schedule."""
        return standing(self._anew(record), on).rows

    def preview_tables(self, before: Any, after: Any, made: Any) -> list[Table]:
        """Both schedules beside each other, and what would be posted."""
        transfers = list(Transfer.objects.filter(entry_id=made.entry_id or 0).order_by("pk"))
        return [schedules_table(before, after), postings_table(transfers, _("What it would post"))]

    def _anew(self, loan: Loan) -> Loan:
        return Loan.objects.select_related("product", "terms", "customer").get(pk=loan.pk)


def _undo(event: Event) -> SafeString | str:
    """A link to undoing a fact; a dash where it cannot be undone."""
    if event.is_reversed:
        return format_html("{}", _("taken back"))
    address = undo_url(event.row)
    return format_html('<a href="{}">{}</a>', address, _("Undo")) if address else "–"


def _accounts(loan: Loan) -> Table:
    found = positions([loan.commitment_account_id, *(getattr(loan, name) for name, *_rest in ACCOUNTS)])
    committed = found[loan.commitment_account_id]
    rows: list[tuple[Any, ...]] = [
        (
            _("committed"),
            money(committed.available_fen),
            link_to("ledger_account", committed.account_id, f"#{committed.account_id}"),
        )
    ]
    for name, text, is_debt in ACCOUNTS:
        place = found[getattr(loan, name)]
        account = link_to("ledger_account", place.account_id, f"#{place.account_id}")
        rows.append((text, money(place.debit_fen if is_debt else place.credit_fen), account))
    return Table(_("What stands on it"), (_("what"), _("amount"), _("account and postings")), rows)


def _segments(loan: Loan) -> Table:
    rows = Segment.objects.filter(loan=loan).order_by("since", "kind")
    return Table(
        _("Interest and penalty"),
        (_("kind"), _("on principal of"), _("rate"), _("from"), _("until"), _("carried, in fen")),
        [
            (
                row.get_kind_display(),
                money(row.principal_fen),
                percent(row.rate),
                row.since,
                row.until or _("still runs"),
                f"{row.carried / row.year_days:.4f}",
            )
            for row in rows
        ],
    )


def _orders(loan: Loan) -> Table:
    orders = PaymentOrder.objects.filter(subject=str(loan.uuid), purpose__in=(COLLECTION, DISBURSEMENT))
    return Table(
        _("Payment orders"),
        (_("ordered on"), _("direction"), _("amount"), _("confirmed"), _("state")),
        [
            (
                link_to("payments_paymentorder", order.pk, order.ordered_on),
                order.get_direction_display(),
                money(order.amount_fen),
                money(order.confirmed_fen),
                order.get_state_display(),
            )
            for order in orders.order_by("-pk")[:20]
        ],
    )


add_link(
    "customers_customer",
    lambda customer: (_("Loans of this customer"), list_url("lending_loan", q=customer.pk)),
)
