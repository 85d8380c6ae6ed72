"""Every rule that the books of this lender keep: the ledger's own and those its products add."""

from __future__ import annotations

import huabei.audit
import ledger.audit
from customers.models import Contact, EmailDelivery, Notice, NoticePreference
from ledger.audit import Check, guards
from operations.models import BusinessDay, CloseStep

CHECKS: tuple[Check, ...] = (
    *ledger.audit.CHECKS,
    *huabei.audit.CHECKS,
    guards(
        "close_guards",
        models=(BusinessDay, CloseStep),
        facts=(),
        triggers=(
            "operations_businessday_is_not_deleted",
            "operations_businessday_is_not_truncated",
            "operations_businessday_moves_by_a_day",
            "operations_closestep_is_done_once",
            "operations_closestep_is_not_deleted",
            "operations_closestep_is_not_truncated",
        ),
    ),
    guards(
        "notice_guards",
        models=(Contact, EmailDelivery, Notice, NoticePreference),
        facts=(),
        triggers=(
            "customers_emaildelivery_is_done_once",
            "customers_emaildelivery_is_not_deleted",
            "customers_emaildelivery_is_not_truncated",
            "customers_notice_is_not_deleted",
            "customers_notice_is_not_truncated",
            "customers_notice_is_only_read",
        ),
    ),
)
