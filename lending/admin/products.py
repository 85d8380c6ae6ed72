"""Products in the console: dated versions with their offers, what the law allows each lender, and adding a version."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from finance.errors import DomainError
from lending.admin.version_form import OfferForms, VersionForm, given_of, refuse
from lending.models import LenderRule, Offer, Product, ProductVersion
from lending.services.products import Offered, publish_version
from lending.words import METHODS, product_name, term
from web.api.day import booking_day
from web.console import RecordAdmin, Table, link_to, list_url, money, money_column
from web.templatetags.money import percent

ADD = "lending.add_productversion"


@admin.register(Product)
class ProductAdmin(RecordAdmin):
    """Loan products with their versions."""

    list_display = ("name_is", "code", "lender_type", "is_business")
    ordering = ("pk",)
    fields = ("name_is", "code", "lender_type", "is_business", "rules")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All of them."""
        return self.fields

    @admin.display(description=_("name"))
    def name_is(self, product: Product) -> str:
        """In the reader's language."""
        return product_name(product)

    @admin.display(description=_("what the law allows"))
    def rules(self, product: Product) -> SafeString:
        """A link to the rules of its lender."""
        address = list_url("lending_lenderrule", lender_type=product.lender_type)
        return format_html('<a href="{}">{}</a>', address, product.get_lender_type_display())

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        product = kwargs.get("obj")
        if product is not None and request.user.has_perm(ADD):
            address = reverse("admin:lending_product_version", args=[product.pk])
            context["acts"] = [(_("New version"), address)]
        return super().render_change_form(request, context, *args, **kwargs)

    def tables(self, record: Product) -> Iterable[Table]:
        """Its versions, newest first."""
        yield Table(
            _("Versions"),
            (_("effective from"), _("smallest amount"), _("largest amount"), _("minimum score"), _("offers")),
            [
                (
                    link_to("lending_productversion", row.pk, row.effective_from),
                    money(row.minimum_fen),
                    money(row.maximum_fen),
                    row.minimum_score,
                    len(row.offers.all()),
                )
                for row in record.versions.prefetch_related("offers").order_by("-effective_from")
            ],
        )

    def get_urls(self) -> list[URLPattern]:
        new = self.admin_site.admin_view(self.new_version)
        return [path("<int:product_id>/version/", new, name="lending_product_version"), *super().get_urls()]

    def new_version(self, request: HttpRequest, product_id: int) -> HttpResponse:
        """The latest version's figures in a form, and adding them as changed from a day on."""
        if not request.user.has_perm(ADD):
            raise PermissionDenied
        product = Product.objects.filter(pk=product_id).first()
        latest = ProductVersion.objects.filter(product_id=product_id).order_by("-effective_from").first()
        if product is None or latest is None:
            raise Http404
        given = [given_of(offer) for offer in latest.offers.prefetch_related("fees", "prepayment_fees")]
        form = VersionForm(request.POST or None, latest=latest)
        offers = OfferForms(request.POST or None, initial=given)
        if request.method == "POST" and form.is_valid() and offers.is_valid():
            row = _added(product, form, offers)
            if row is not None:
                messages.success(request, gettext("Added. Loans that are signed stay as they were signed."))
                return redirect("admin:lending_productversion_change", row.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": _("New version"),
            "opts": self.opts,
            "product": product,
            "form": form,
            "offers": offers,
        }
        return render(request, "admin/lending/version.html", context)


def _added(product: Product, form: VersionForm, offers: Any) -> ProductVersion | None:
    try:
        with booking_day() as on:
            return publish_version(
                product_code=product.code,
                effective_from=form.cleaned_data["effective_from"],
                figures=form.figures,
                offers=[Offered(**each.cleaned_data) for each in offers if each.cleaned_data],
                on=on,
            )
    except DomainError as error:
        refuse(form, error)
        return None


@admin.register(ProductVersion)
class ProductVersionAdmin(RecordAdmin):
    """Versions, newest first, each with its offers."""

    list_display = (
        "effective_from",
        "product_page",
        money_column("minimum_fen", _("smallest amount")),
        money_column("maximum_fen", _("largest amount")),
        "minimum_score",
    )
    list_select_related = ("product",)
    list_filter = ("product",)
    ordering = ("-effective_from", "product")
    fields = (
        "product_page",
        "effective_from",
        money_column("minimum_fen", _("smallest amount")),
        money_column("maximum_fen", _("largest amount")),
        "rate_unit",
        "ahead",
        "prepaid",
        "penalty",
        "grace_days",
        "allocation",
        "allocation_order",
        "rounding",
        money_column("instalment_multiple_fen", _("instalments are multiples of")),
        "minimum_score",
        "minimum_age",
        "maximum_age",
        "students_admitted",
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All of them."""
        return self.fields

    @admin.display(description=_("product"))
    def product_page(self, version: ProductVersion) -> SafeString:
        """Whose version it is."""
        return link_to("lending_product", version.product_id, product_name(version.product))

    @admin.display(description=_("penalty rate a day"))
    def penalty(self, version: ProductVersion) -> str:
        """As a percentage."""
        return percent(version.penalty_daily_rate)

    def tables(self, record: ProductVersion) -> Iterable[Table]:
        """Its offers."""
        yield Table(
            _("Offers"),
            (
                _("method"),
                _("term"),
                _("periods"),
                _("lowest rate"),
                _("highest rate"),
                _("repaying early"),
                _("fees"),
            ),
            [_offer(offer) for offer in record.offers.prefetch_related("fees", "prepayment_fees")],
        )


def _offer(offer: Offer) -> tuple[Any, ...]:
    early = ", ".join(f"≤ {fee.last_period}: {percent(fee.rate)}" for fee in offer.prepayment_fees.all())
    fees = ", ".join(f"{fee.get_kind_display()}: {percent(fee.rate)}" for fee in offer.fees.all())
    return (
        METHODS[offer.method],
        term(offer.periods, offer.unit, offer.every),
        offer.periods,
        percent(offer.rate_from),
        percent(offer.rate_to),
        early or _("free"),
        fees or "–",
    )


@admin.register(LenderRule)
class LenderRuleAdmin(RecordAdmin):
    """What the law allows each type of lender, by date."""

    list_display = (
        "effective_from",
        "lender_type",
        "cap",
        "cap_method",
        money_column("consumer_limit_fen", _("most to one consumer")),
        money_column("business_limit_fen", _("most to one business")),
    )
    list_filter = ("lender_type",)
    ordering = ("lender_type", "-effective_from")
    fields = list_display

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All of them."""
        return self.fields

    @admin.display(description=_("highest annual rate"))
    def cap(self, rule: LenderRule) -> str:
        """As a percentage."""
        return percent(rule.price_cap)
