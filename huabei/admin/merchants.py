"""Merchants in the console: what is said of each, and which categories may be paid by line."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from huabei import merchant_history as history
from huabei.admin.acts import CausedForm, cause_name
from huabei.admin.campaigns import BEGIN_CAMPAIGN, merchant_stands
from huabei.admin.settlements import SHOWN, ReadAdmin, settlements_table, why_held_back
from huabei.models import (
    CategoryRule,
    Concern,
    Merchant,
    MerchantChange,
    MerchantChangeKind,
    Posting,
    Purchase,
    PurchaseState,
)
from huabei.selectors import category_allowed, posting_on
from huabei.services import merchants
from ledger.selectors import position
from web.acts import Act, ActingAdmin, DayField, Figures
from web.api.day import business_date
from web.console import Table, link_to, list_url, money

SUSPEND, SET_POSTING, RULE = "huabei.suspend_merchant", "huabei.set_posting", "huabei.rule_category"

CONCERNS = {
    MerchantChangeKind.SUSPENDED: Concern.SUSPEND,
    MerchantChangeKind.REINSTATED: Concern.REINSTATE,
    MerchantChangeKind.POSTING: Concern.POSTING,
}


class SuspendForm(CausedForm):
    """Why a merchant is suspended."""

    concern = Concern.SUSPEND


class ReinstateForm(CausedForm):
    """Why its suspension ends."""

    concern = Concern.REINSTATE


class PostingForm(CausedForm):
    """When its purchases post, from a day on."""

    concern = Concern.POSTING
    posting = forms.ChoiceField(label=_("posts"), choices=Posting.choices)
    effective_from = DayField(
        label=_("from"), help_text=_("What is authorised before this day posts as it was said then.")
    )
    field_order = ("posting", "effective_from", "cause", "note")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.initial.setdefault("effective_from", self.on)


class RuleForm(CausedForm):
    """Whether a category may be paid by line, from a day on."""

    concern = Concern.CATEGORY
    is_allowed = forms.TypedChoiceField(
        label=_("may be paid by line"),
        choices=[("no", _("no")), ("yes", _("yes"))],
        coerce=lambda word: word == "yes",
    )
    effective_from = DayField(label=_("from"))
    field_order: Any = ("is_allowed", "effective_from", "cause", "note")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.initial.setdefault("effective_from", self.on)


class ShopCategoryForm(RuleForm):
    """The same of a shop's category, which gets its names with it."""

    name = forms.CharField(label=_("name in English"), max_length=60)
    name_zh = forms.CharField(label=_("name in Chinese"), max_length=60)
    field_order = ("name", "name_zh", *RuleForm.field_order)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        known = CategoryRule.objects.filter(category=self.record.shop.category).order_by("-effective_from")
        if last := known.first():
            self.initial.setdefault("name", last.name)
            self.initial.setdefault("name_zh", last.name_zh)


def _rule(form: Any, on: date, category: str, name: str, name_zh: str) -> CategoryRule:
    return merchants.rule_category(
        category=category,
        name=name,
        name_zh=name_zh,
        is_allowed=form.cleaned_data["is_allowed"],
        effective_from=form.cleaned_data["effective_from"],
        why=form.why,
        on=on,
    )


def _set_posting(form: Any, on: date) -> None:
    merchants.change_posting(
        merchant_id=form.record.pk,
        posting=Posting(form.cleaned_data["posting"]),
        effective_from=form.cleaned_data["effective_from"],
        why=form.why,
        on=on,
    )


MERCHANT_ACTS = (
    Act(
        "suspend",
        _("Suspend"),
        SUSPEND,
        SuspendForm,
        lambda form, on: merchants.suspend(merchant_id=form.record.pk, why=form.why, on=on),
        _("The merchant is suspended. To undo it, reinstate it."),
        lambda merchant: merchant.is_accepting,
        warning=_(
            "Nothing can be bought there with a line; what was authorised is captured, received and refunded as ever. What "
            "is settled with it is held back, and paid out once it is reinstated."
        ),
    ),
    Act(
        "reinstate",
        _("Reinstate"),
        SUSPEND,
        ReinstateForm,
        lambda form, on: merchants.reinstate(merchant_id=form.record.pk, why=form.why, on=on),
        _("The merchant is reinstated, and is paid what was held back."),
        lambda merchant: not merchant.is_accepting,
    ),
    Act(
        "posting",
        _("Change when purchases post"),
        SET_POSTING,
        PostingForm,
        _set_posting,
        _("It is said from when purchases post otherwise."),
    ),
    Act(
        "category",
        _("Allow or forbid its category"),
        RULE,
        ShopCategoryForm,
        lambda form, on: _rule(
            form, on, form.record.shop.category, form.cleaned_data["name"], form.cleaned_data["name_zh"]
        ),
        _("The rule is written down."),
        warning=_("It is for every shop of this category."),
    ),
)

RULE_ACTS = (
    Act(
        "change",
        _("Allow or forbid it"),
        RULE,
        RuleForm,
        lambda form, on: _rule(form, on, form.record.category, form.record.name, form.record.name_zh),
        _("The rule is written down."),
        warning=_("It is for every shop of this category."),
    ),
)


@admin.register(Merchant)
class MerchantAdmin(ActingAdmin):
    """Shops that accept lines, what is payable to them, and everything that was said of them."""

    acts = (*MERCHANT_ACTS, *BEGIN_CAMPAIGN)
    list_display = ("shop", "category", "is_accepting")
    list_select_related = ("shop",)
    list_filter = ("is_accepting",)
    search_fields = ("shop__name__startswith",)
    search_help_text = _("The beginning of a name.")
    ordering = ("shop__name",)
    fields = (
        "shop_page",
        "category",
        "is_accepting",
        "posts",
        "awaited",
        "payable",
        "to_be_paid",
        "held_back",
        "purchases",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Merchant]:
        """With their shops, whose names are theirs."""
        return super().get_queryset(request).select_related("shop")

    def stands(self, record: Merchant, on: date) -> Figures:
        """What a preview compares."""
        merchant = Merchant.objects.select_related("shop").get(pk=record.pk)
        to_come = MerchantChange.objects.filter(
            merchant=merchant, kind=MerchantChangeKind.POSTING, effective_from__gt=on
        ).order_by("effective_from")
        rules = CategoryRule.objects.filter(category=merchant.shop.category, effective_from__gt=on)
        return [
            (_("accepting"), _("yes") if merchant.is_accepting else _("no")),
            (_("posts"), posting_on(merchant.pk, on).label),
            (
                _("posts from a day to come"),
                ", ".join(f"{change.get_posting_display()} {change.effective_from}" for change in to_come),
            ),
            (
                _("its category may be paid by line"),
                _("yes") if category_allowed(merchant.shop.category, on) else _("no"),
            ),
            (
                _("rules of its category to come"),
                ", ".join(f"{_yes(rule.is_allowed)} {rule.effective_from}" for rule in rules),
            ),
            (_("held back"), money(history.owed(merchant).held_back_fen)),
            *merchant_stands(merchant.pk),
        ]

    @admin.display(description=_("shop"))
    def shop_page(self, merchant: Merchant) -> SafeString:
        """The shop."""
        return link_to("customers_shop", merchant.pk, merchant.shop)

    @admin.display(description=_("category"), ordering="shop__category")
    def category(self, merchant: Merchant) -> str:
        """What it sells."""
        return merchant.shop.category

    @admin.display(description=_("posts"))
    def posts(self, merchant: Merchant) -> str:
        """When what is bought today posts."""
        return str(posting_on(merchant.pk, business_date()).label)

    @admin.display(description=_("paid and not received yet"))
    def awaited(self, merchant: Merchant) -> SafeString:
        """What buyers paid and have not confirmed."""
        waiting = Purchase.objects.filter(
            merchant=merchant, posts_on_receipt=True, state=PurchaseState.AUTHORISED
        )
        return money(sum(purchase.left_fen for purchase in waiting))

    @admin.display(description=_("payable to it"))
    def payable(self, merchant: Merchant) -> SafeString:
        """What the shop has coming and was not settled, summed from the postings."""
        return _stands(merchant.payable_account_id)

    @admin.display(description=_("settled and not paid out"))
    def to_be_paid(self, merchant: Merchant) -> SafeString:
        """What was settled with it and not paid, summed from the postings."""
        return _stands(merchant.settlement_account_id)

    @admin.display(description=_("held back"))
    def held_back(self, merchant: Merchant) -> SafeString | str:
        """What of it is not paid out while the shop is suspended, since when and why."""
        if merchant.is_accepting:
            return "–"
        return format_html("{} ({})", money(history.owed(merchant).held_back_fen), why_held_back(merchant))

    @admin.display(description=_("purchases"))
    def purchases(self, merchant: Merchant) -> SafeString:
        """Everything that was bought there."""
        return format_html('<a href="{}">{}</a>', list_url("huabei_purchase", merchant=merchant.pk), _("all"))

    def tables(self, record: Merchant) -> Iterable[Table]:
        """What was said of it, newest first, and what was settled."""
        yield timeline_table(record)
        found = history.settlements(record.pk)[:SHOWN]
        yield settlements_table(found, more_url=list_url("huabei_settlement", merchant=record.pk))


def _yes(is_so: bool) -> Any:
    return _("yes") if is_so else _("no")


def _stands(account_id: int) -> SafeString:
    account = link_to("ledger_account", account_id, f"#{account_id}")
    return format_html("{} {}", money(position(account_id).credit_fen), account)


def timeline_table(merchant: Merchant) -> Table:
    """Everything that was said of a merchant, and the rules of its category, newest first."""
    told: list[tuple[date, int, tuple[Any, ...]]] = []
    for change in merchant.changes.all():
        what: Any = change.get_kind_display()
        if change.posting:
            what = f"{change.get_posting_display()}, {change.effective_from}"
        concern = CONCERNS[MerchantChangeKind(change.kind)]
        page = link_to("huabei_merchantchange", change.pk, change.changed_on)
        row = (page, what, cause_name(concern, change.cause), change.by, change.note or "–")
        told.append((change.changed_on, change.pk, row))
    for rule in CategoryRule.objects.filter(category=merchant.shop.category):
        what = _("category allowed") if rule.is_allowed else _("category forbidden")
        page = link_to("huabei_categoryrule", rule.pk, rule.effective_from)
        row = (page, what, cause_name(Concern.CATEGORY, rule.cause), rule.by, rule.note or "–")
        told.append((rule.effective_from, rule.pk, row))
    told.sort(key=lambda each: each[:2], reverse=True)
    return Table(
        _("Timeline"),
        (_("on"), _("what happened"), _("cause"), _("by"), _("note")),
        [row for _on, _pk, row in told],
    )


WHY = ("cause", "by", "note", "reference", "recorded_at")


@admin.register(MerchantChange)
class MerchantChangeAdmin(ReadAdmin):
    """Merchants suspended, reinstated, and when what is bought there posts."""

    list_display = ("changed_on", "of_merchant", "kind", "posting", "effective_from", "cause", "by")
    list_filter: ClassVar[Any] = ("kind",)
    list_select_related = ("merchant__shop",)
    ordering = ("-pk",)
    fields = ("of_merchant", "changed_on", "kind", "posting", "effective_from", *WHY)

    @admin.display(description=_("merchant"))
    def of_merchant(self, change: MerchantChange) -> SafeString:
        """Of whom it is said."""
        return link_to("huabei_merchant", change.merchant_id, change.merchant.shop)


@admin.register(CategoryRule)
class CategoryRuleAdmin(ActingAdmin):
    """Which categories may be paid by line, and from when on."""

    acts = RULE_ACTS
    list_display = ("named", "category", "effective_from", "is_allowed", "cause", "by")
    list_filter: ClassVar[Any] = ("is_allowed",)
    search_fields = ("=category",)
    ordering = ("category", "-effective_from")
    fields = ("category", "name", "name_zh", "effective_from", "is_allowed", *WHY)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All of them."""
        return self.fields

    @admin.display(description=_("category"))
    def named(self, rule: CategoryRule) -> str:
        """What the category is called."""
        return str(rule)

    def stands(self, record: CategoryRule, on: date) -> Figures:
        """What a preview compares."""
        rules = CategoryRule.objects.filter(category=record.category, effective_from__gt=on)
        return [
            (_("may be paid by line"), _yes(category_allowed(record.category, on))),
            (_("from a day to come"), ", ".join(f"{_yes(r.is_allowed)} {r.effective_from}" for r in rules)),
        ]
