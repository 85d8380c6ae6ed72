"""The business date and the steps of each day's close in the console."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from operations.models import BusinessDay, CloseStep, Proof
from operations.services import paying
from payments.admin import PaymentOrderAdmin
from payments.models import PaymentOrder
from web.console import RecordAdmin, Table


@admin.register(BusinessDay)
class BusinessDayAdmin(RecordAdmin):
    """The date the bank is on."""

    list_display = ("business_on",)
    fields = ("business_on",)


@admin.register(CloseStep)
class CloseStepAdmin(RecordAdmin):
    """Which steps of which day's close are done, newest first."""

    list_display = ("closed_on", "step", "shard", "rows", "started_at", "took")
    list_filter = ("step",)
    date_hierarchy = "closed_on"
    ordering = ("-closed_on", "-pk")
    fields = ("closed_on", "step", "shard", "rows", "started_at", "finished_at", "took")
    readonly_fields = ("took",)

    @admin.display(description=_("took"))
    def took(self, step: CloseStep) -> str:
        """Seconds from start to end; a dash while it runs."""
        if step.finished_at is None:
            return "–"
        seconds = (step.finished_at - step.started_at).total_seconds()
        return _("{seconds} s").format(seconds=f"{seconds:.1f}")


@admin.register(Proof)
class ProofAdmin(RecordAdmin):
    """Proofs of the books, newest first, each with the rows at fault."""

    list_display = ("proved_on", "rules", "broken_rules", "rows", "seconds", "started_at")
    ordering = ("-proved_on",)
    fields = list_display

    def tables(self, record: Proof) -> Iterable[Table]:
        """The first faults of every broken rule."""
        names = ("rule", "table", "id", "expected", "found")
        yield Table(
            title=_("Rows at fault"),
            headings=(_("rule"), _("table"), _("number"), _("expected"), _("found")),
            rows=[tuple(fault[name] or "–" for name in names) for fault in record.faults],
            empty=_("Every rule holds."),
        )


admin.site.unregister(PaymentOrder)


@admin.register(PaymentOrder)
class RoutedOrderAdmin(PaymentOrderAdmin):
    """Payment orders, of which those that are parked may be looked at again."""

    actions = ("look_again",)

    def has_look_again_permission(self, request: HttpRequest) -> bool:
        """Who may have parked orders looked at again."""
        return request.user.has_perm("payments.look_again")

    @admin.action(description=_("Look again at what is parked"), permissions=["look_again"])
    def look_again(self, request: HttpRequest, chosen: QuerySet[PaymentOrder]) -> None:
        """Takes each as far as it goes now, parked or not; those that have ended are left as they are."""
        looked = ended = 0
        for order_id in chosen.filter(ended_on__isnull=True).order_by("pk").values_list("pk", flat=True):
            paying.advance(order_id=order_id, parked=True)
            looked += 1
            ended += PaymentOrder.objects.filter(pk=order_id, ended_on__isnull=False).exists()
        if not looked:
            messages.warning(request, _("None of these waits for anything."))
            return
        messages.success(
            request,
            _("Looked at %(looked)d; %(ended)d of them ended.") % {"looked": looked, "ended": ended},
        )
