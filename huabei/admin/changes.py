"""What changed lines themselves: limits, freezes, ends, reviews, moved days, corrections, shares, credit paid out."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from huabei.admin.records import LineFilter, OfLineAdmin
from huabei.models import (
    CalendarChange,
    Closure,
    Correction,
    CreditPayout,
    Freeze,
    LimitChange,
    LimitReview,
    SharedLine,
    TemporaryLimit,
)
from huabei.policy import REVIEW_TEXTS, ReviewReason
from web.console import link_to, money_column

AMOUNT = money_column("amount_fen", _("amount"))
BEFORE, AFTER = money_column("before_fen", _("before")), money_column("after_fen", _("after"))
WHY = ("cause", "by", "note", "reference", "recorded_at")


@admin.register(LimitChange)
class LimitChangeAdmin(OfLineAdmin):
    """Limits set, raised for a time, and taken away."""

    list_display = ("changed_on", "of_line", "kind", BEFORE, AFTER, "cause", "by", "entry")
    list_filter: ClassVar[Any] = (LineFilter, "kind")
    fields = ("of_line", "changed_on", "kind", BEFORE, AFTER, *WHY, "entry")


@admin.register(TemporaryLimit)
class TemporaryLimitAdmin(OfLineAdmin):
    """What limits were raised by until a last day."""

    list_display = ("granted_on", "of_line", AMOUNT, "last_day", "ended_on")
    fields = ("of_line", "granted_on", AMOUNT, "last_day", "ended_on")


class BulkFilter(LineFilter):
    """`?bulk=7`: the freezes of one act."""

    title = _("freeze of many lines")
    parameter_name = "bulk"
    column = "bulk_id"


class BulkThawFilter(LineFilter):
    """`?bulk_thaw=7`: the freezes that one act ended."""

    title = _("end of many freezes")
    parameter_name = "bulk_thaw"
    column = "bulk_thaw_id"


@admin.register(Freeze)
class FreezeAdmin(OfLineAdmin):
    """Freezes, each for one cause, and what ended them."""

    list_display = ("frozen_on", "of_line", "cause", "by", "thawed_on", "thaw_cause", "thawed_by")
    list_filter: ClassVar[Any] = (
        LineFilter,
        BulkFilter,
        BulkThawFilter,
        "cause",
        ("thawed_on", admin.EmptyFieldListFilter),
    )
    fields = (
        "of_line",
        "frozen_on",
        *WHY,
        "of_bulk",
        "thawed_on",
        "thaw_cause",
        "thawed_by",
        "thaw_note",
        "of_bulk_thaw",
    )

    @admin.display(description=_("frozen together with others by"))
    def of_bulk(self, record: Freeze) -> SafeString | str:
        """The act that froze it with others."""
        return link_to("huabei_bulkfreeze", record.bulk_id, record.bulk) if record.bulk else "–"

    @admin.display(description=_("ended together with others by"))
    def of_bulk_thaw(self, record: Freeze) -> SafeString | str:
        """The act that ended it with others."""
        return link_to("huabei_bulkthaw", record.bulk_thaw_id, record.bulk_thaw) if record.bulk_thaw else "–"


@admin.register(Closure)
class ClosureAdmin(OfLineAdmin):
    """Lines that were closed for good."""

    DREW = (money_column("limit_fen", _("limit before")), money_column("drawn_fen", _("drawn then")))
    list_display = ("closed_on", "of_line", *DREW, "cause", "by")
    fields = ("of_line", "closed_on", *DREW, *WHY)


@admin.register(LimitReview)
class LimitReviewAdmin(OfLineAdmin):
    """Reviews of limits: what each went by, what it decided, and why."""

    list_display = ("reviewed_on", "of_line", "score", BEFORE, AFTER, "outcome")
    list_filter: ClassVar[Any] = (LineFilter, "outcome")
    fields = (
        "of_line",
        "reviewed_on",
        "score",
        "scored_on",
        "months_on_book",
        money_column("overdue_fen", _("overdue")),
        money_column("earned_fen", _("limit that the score earns")),
        BEFORE,
        AFTER,
        "outcome",
        "why",
        money_column("exposure_fen", _("exposure")),
        money_column("consumer_exposure_fen", _("of it to a consumer")),
        "policy_page",
    )

    @admin.display(description=_("reasons"))
    def why(self, record: LimitReview) -> str:
        """Every reason, in words."""
        return "; ".join(str(REVIEW_TEXTS[ReviewReason(reason)]) for reason in record.reasons)

    @admin.display(description=_("opening policy"))
    def policy_page(self, record: LimitReview) -> SafeString:
        """The version that it went by."""
        return link_to("huabei_openingpolicy", record.policy_id, record.policy)


@admin.register(CalendarChange)
class CalendarChangeAdmin(OfLineAdmin):
    """Statement days that were moved."""

    list_display = (
        "changed_on",
        "of_line",
        "statement_day_before",
        "statement_day",
        "due_day_before",
        "due_day",
    )
    fields = ("of_line", *list_display[:1], *list_display[2:])


@admin.register(Correction)
class CorrectionAdmin(OfLineAdmin):
    """What late facts changed of the charges that were posted."""

    CHANGED = (
        money_column("interest_fen", _("interest")),
        money_column("penalty_fen", _("penalty")),
        money_column("fee_fen", _("fees")),
    )
    list_display = ("corrected_on", "of_line", "cause", AMOUNT, "value_on", *CHANGED, "entry")
    list_filter: ClassVar[Any] = (LineFilter, "cause")
    fields = ("of_line", "corrected_on", "cause", AMOUNT, "value_on", *CHANGED, "reason", "entry")


@admin.register(CreditPayout)
class CreditPayoutAdmin(OfLineAdmin):
    """Credit that was paid out to customers."""

    list_display = ("paid_on", "of_line", AMOUNT, "by", "entry")
    fields = ("of_line", "paid_on", AMOUNT, "by", "reference", "entry")


@admin.register(SharedLine)
class SharedLineAdmin(OfLineAdmin):
    """Lines that are shared with somebody, up to so much a month."""

    list_display = (
        "invited_on",
        "of_line",
        "beneficiary",
        "status",
        money_column("monthly_cap_fen", _("monthly cap")),
    )
    list_filter: ClassVar[Any] = (LineFilter, "status")
    list_select_related: ClassVar[Any] = ("line__customer", "beneficiary")
    fields = list_display
