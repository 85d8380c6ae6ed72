"""The books in the console: accounts with their postings, entries with their transfers. Nothing here writes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ledger import selectors
from ledger.models import Account, Entry, Transfer, TransferKind
from web.console import RecordAdmin, Table, link_to, list_url, money, money_column

POSTINGS_SHOWN = 50

ACCOUNT_NAMES: dict[str, Any] = {
    "commitment": _("Limit"),
    "commitment_control": _("Limits granted"),
    "principal_unbilled": _("Principal, not billed"),
    "principal_billed": _("Principal, billed"),
    "principal_instalment": _("Principal, in instalments"),
    "loan_principal": _("Loan principal"),
    "loan_claim": _("Claim of a loan given up"),
    "loan_claim_control": _("Claims of loans given up"),
    "loan_interest_accrued": _("Loan interest accrued"),
    "loan_penalty_accrued": _("Loan penalty accrued"),
    "loan_interest_income": _("Loan interest income"),
    "loan_penalty_income": _("Loan penalty income"),
    "loan_fee_income": _("Loan fee income"),
    "loan_loss": _("Loan loss"),
    "loan_recovery": _("Loan recovery"),
    "campaign_budget": _("Campaign budget"),
    "campaign_control": _("Campaigns"),
    "payouts_under_way": _("Payouts under way"),
    "interest_receivable": _("Interest owed"),
    "fee_receivable": _("Fees owed"),
    "penalty_receivable": _("Penalty owed"),
    "customer_credit": _("Customer's credit"),
    "interest_accrued": _("Interest accrued"),
    "penalty_accrued": _("Penalty accrued"),
    "corrections": _("Corrections"),
    "cash_clearing": _("Cash in clearing"),
    "merchant_payable": _("Payable to merchants"),
    "merchant_settlement": _("Settled with merchants, to be paid out"),
    "interest_income": _("Interest income"),
    "penalty_income": _("Penalty income"),
    "fee_income": _("Fee income"),
    "discount_income": _("Merchants' discount income"),
}

KIND_NAMES: dict[int, Any] = {
    TransferKind.POSTED: _("posted"),
    TransferKind.PENDING: _("reserved"),
    TransferKind.SETTLED: _("settled"),
    TransferKind.RELEASED: _("released"),
}


def account_name(type_code: str) -> Any:
    """What a type of account is called; its code where it has no name yet."""
    return ACCOUNT_NAMES.get(type_code, type_code)


def account_link(account: Account) -> SafeString:
    """A link to an account: its name and number."""
    return link_to("ledger_account", account.pk, f"{account_name(account.type_code)} #{account.pk}")


def _accounts_of(transfers: Iterable[Transfer]) -> dict[int, Account]:
    ids = {i for t in transfers for i in (t.debit_account_id, t.credit_account_id)}
    return Account.objects.in_bulk(ids)


class TypeFilter(admin.SimpleListFilter):
    """Narrows the accounts to one type of the chart."""

    title = _("type")
    parameter_name = "type_code"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(ACCOUNT_NAMES.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Account]) -> QuerySet[Account]:
        return queryset.filter(type_code=self.value()) if self.value() else queryset


@admin.register(Account)
class AccountAdmin(RecordAdmin):
    """Accounts, newest first, each with its position and its latest postings."""

    list_display = ("number", "name", "owner", "posted", "reserved")
    list_filter = (TypeFilter,)
    search_fields = ("=owner", "=id")
    search_help_text = _("The number of an account, or the whole identifier of its owner.")
    ordering = ("-pk",)
    fields = ("number", "name", "owner", "cap", "position")
    readonly_fields = ("number", "name", "position")

    @admin.display(description=_("number"), ordering="pk")
    def number(self, account: Account) -> str:
        """The number of the account."""
        return f"#{account.pk}"

    @admin.display(description=_("type"), ordering="type_code")
    def name(self, account: Account) -> Any:
        """What it is called."""
        return account_name(account.type_code)

    @admin.display(description=_("posted, credits less debits"))
    def posted(self, account: Account) -> SafeString:
        """The posted position of a counted account; control accounts are summed on their own page only."""
        return money(account.credits_posted_fen - account.debits_posted_fen if account.counted else None)

    @admin.display(description=_("reserved"))
    def reserved(self, account: Account) -> SafeString:
        """What is pending on the debit side of a counted account."""
        return money(account.debits_pending_fen if account.counted else None)

    @admin.display(description=_("position"))
    def position(self, account: Account) -> SafeString:
        """Both sides, posted and pending."""
        stands = selectors.position(account.pk)
        return format_html(
            "{}: {}<br>{}: {}<br>{}: {}<br>{}: {}",
            _("debits posted"),
            money(stands.debits_posted_fen),
            _("credits posted"),
            money(stands.credits_posted_fen),
            _("debits pending"),
            money(stands.debits_pending_fen),
            _("credits pending"),
            money(stands.credits_pending_fen),
        )

    def tables(self, record: Account) -> Iterable[Table]:
        """The latest postings, with the account on the other side."""
        postings = selectors.latest_postings(record.pk, most=POSTINGS_SHOWN)
        accounts = _accounts_of(postings)
        rows = []
        for posting in postings:
            on_debit = posting.debit_account_id == record.pk
            other = posting.credit_account_id if on_debit else posting.debit_account_id
            amount = money(posting.amount_fen)
            rows.append(
                (
                    posting.booked_on,
                    KIND_NAMES[posting.kind],
                    amount if on_debit else "",
                    "" if on_debit else amount,
                    account_link(accounts[other]),
                    link_to("ledger_entry", posting.entry_id, f"#{posting.entry_id}"),
                )
            )
        yield Table(
            title=_("Latest postings"),
            headings=(
                _("booked on"),
                _("kind"),
                _("debit"),
                _("credit"),
                _("other account"),
                _("entry"),
            ),
            rows=rows,
            empty=_("Nothing was posted here."),
            more_url=list_url("ledger_transfer", account=record.pk) if len(rows) == POSTINGS_SHOWN else "",
        )


@admin.register(Entry)
class EntryAdmin(RecordAdmin):
    """Entries of the journal, newest first, each with its transfers."""

    list_display = ("number", "reference", "event", "booked_on", "value_on")
    search_fields = ("reference__startswith",)
    search_help_text = _("The beginning of a reference.")
    ordering = ("-pk",)
    fields = ("number", "reference", "event", "booked_on", "value_on", "recorded_at", "reverses")
    readonly_fields = ("number", "reverses")

    @admin.display(description=_("number"), ordering="pk")
    def number(self, entry: Entry) -> str:
        """The number of the entry."""
        return f"#{entry.pk}"

    @admin.display(description=_("reverses"))
    def reverses(self, entry: Entry) -> SafeString | str:
        """The entry that this one takes back."""
        if entry.reverses_id is None:
            return "–"
        return link_to("ledger_entry", entry.reverses_id, f"#{entry.reverses_id}")

    def tables(self, record: Entry) -> Iterable[Table]:
        """The transfers of the entry, in the order they were posted."""
        transfers = list(Transfer.objects.filter(entry_id=record.pk).order_by("pk")[:POSTINGS_SHOWN])
        accounts = _accounts_of(transfers)
        yield Table(
            title=_("Transfers"),
            headings=(_("number"), _("kind"), _("debit"), _("credit"), _("amount"), _("resolves")),
            rows=[
                (
                    link_to("ledger_transfer", t.pk, f"#{t.pk}"),
                    KIND_NAMES[t.kind],
                    account_link(accounts[t.debit_account_id]),
                    account_link(accounts[t.credit_account_id]),
                    money(t.amount_fen),
                    link_to("ledger_transfer", t.pending_id, f"#{t.pending_id}") if t.pending_id else "–",
                )
                for t in transfers
            ],
            more_url=list_url("ledger_transfer", entry_id=record.pk)
            if len(transfers) == POSTINGS_SHOWN
            else "",
        )


class AccountFilter(admin.SimpleListFilter):
    """`?account=7`: the transfers on either side of one account. Reached by links, so it offers no choices."""

    title = _("account")
    parameter_name = "account"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(self.value() or "", f"#{self.value()}")]

    def has_output(self) -> bool:
        return bool(self.value())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Transfer]) -> QuerySet[Transfer]:
        value = self.value() or ""
        if not value:
            return queryset
        if not value.isdecimal():
            return queryset.none()
        return queryset.filter(Q(debit_account_id=int(value)) | Q(credit_account_id=int(value)))


@admin.register(Transfer)
class TransferAdmin(RecordAdmin):
    """Movements, newest first."""

    list_display = (
        "number",
        "booked_on",
        "kind_name",
        money_column("amount_fen", _("amount")),
        "debit",
        "credit",
        "entry",
    )
    list_filter = (AccountFilter,)
    search_fields = ("=id",)
    search_help_text = _("The number of a transfer.")
    ordering = ("-pk",)
    fields = ("number", "booked_on", "kind_name", "amount", "debit", "credit", "entry", "resolves")
    readonly_fields = fields

    @admin.display(description=_("number"), ordering="pk")
    def number(self, transfer: Transfer) -> str:
        """The number of the transfer."""
        return f"#{transfer.pk}"

    @admin.display(description=_("kind"))
    def kind_name(self, transfer: Transfer) -> Any:
        """Posted, reserved, settled or released."""
        return KIND_NAMES[transfer.kind]

    @admin.display(description=_("amount"))
    def amount(self, transfer: Transfer) -> SafeString:
        """The amount in yuan."""
        return money(transfer.amount_fen)

    @admin.display(description=_("debit"))
    def debit(self, transfer: Transfer) -> SafeString:
        """The account that it goes to."""
        return link_to("ledger_account", transfer.debit_account_id, f"#{transfer.debit_account_id}")

    @admin.display(description=_("credit"))
    def credit(self, transfer: Transfer) -> SafeString:
        """The account that it comes from."""
        return link_to("ledger_account", transfer.credit_account_id, f"#{transfer.credit_account_id}")

    @admin.display(description=_("entry"))
    def entry(self, transfer: Transfer) -> SafeString:
        """The entry it belongs to."""
        return link_to("ledger_entry", transfer.entry_id, f"#{transfer.entry_id}")

    @admin.display(description=_("resolves"))
    def resolves(self, transfer: Transfer) -> SafeString | str:
        """The reservation that it settles or releases."""
        if transfer.pending_id is None:
            return "–"
        return link_to("ledger_transfer", transfer.pending_id, f"#{transfer.pending_id}")
