"""The proof of the payments: what was ordered, tried and told adds up. The form is `ledger.audit.Check`."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from ledger.audit import Check, guards
from payments.models import AutopayChoice, FundingSource, PaymentAttempt, PaymentOrder, SourceEvent

_CONFIRMED = """
SELECT 'payments_paymentorder', ordered.id::text, format('confirmed_fen=%%s', coalesce(tried.moved_fen, 0)),
       format('confirmed_fen=%%s', ordered.confirmed_fen)
FROM payments_paymentorder AS ordered
LEFT JOIN (SELECT order_id, sum(moved_fen) AS moved_fen FROM payments_paymentattempt GROUP BY order_id) AS tried
    ON tried.order_id = ordered.id
WHERE ordered.confirmed_fen <> coalesce(tried.moved_fen, 0)
"""

# An attempt never asks for more than the attempts before it left of the order, nor is one asked after the order has ended.
_ATTEMPTS = """
SELECT 'payments_paymentattempt', id::text, format('amount_fen<=%%s', left_fen), format('amount_fen=%%s', amount_fen)
FROM (
    SELECT attempt.id, attempt.amount_fen, ordered.amount_fen - coalesce(sum(attempt.moved_fen) OVER (
               PARTITION BY attempt.order_id ORDER BY attempt.id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
           ), 0) AS left_fen
    FROM payments_paymentattempt AS attempt JOIN payments_paymentorder AS ordered ON ordered.id = attempt.order_id
) AS tried
WHERE amount_fen > left_fen
UNION ALL
SELECT 'payments_paymentattempt', attempt.id::text, format('answered: the order is %%s', ordered.state), 'asked'
FROM payments_paymentattempt AS attempt JOIN payments_paymentorder AS ordered ON ordered.id = attempt.order_id
WHERE attempt.state = 'asked' AND ordered.state <> 'sent'
"""

_SOURCES = """
SELECT 'payments_paymentattempt', attempt.id::text, format('source of %%s', ordered.owner),
       format('source of %%s', source.owner)
FROM payments_paymentattempt AS attempt
JOIN payments_paymentorder AS ordered ON ordered.id = attempt.order_id
JOIN payments_fundingsource AS source ON source.id = attempt.source_id
WHERE source.owner <> ordered.owner OR ordered.source_id <> source.id
"""

CHECKS: tuple[Check, ...] = (
    Check(
        "payment_confirmed",
        _("What is confirmed of a payment order is what its attempts moved."),
        "payments_paymentorder",
        _CONFIRMED,
    ),
    Check(
        "payment_attempts",
        _(
            "No attempt asks for more than is left of its order, and none is left open when the order has ended."
        ),
        "payments_paymentattempt",
        _ATTEMPTS,
    ),
    Check(
        "payment_sources",
        _("Money moves from and to the order's owner only."),
        "payments_paymentattempt",
        _SOURCES,
    ),
    guards(
        "payment_guards",
        models=(FundingSource, SourceEvent, AutopayChoice, PaymentOrder, PaymentAttempt),
        facts=(SourceEvent, AutopayChoice),
        triggers=(
            "payments_autopaychoice_is_append_only",
            "payments_autopaychoice_is_not_truncated",
            "payments_fundingsource_is_not_deleted",
            "payments_fundingsource_is_not_truncated",
            "payments_fundingsource_is_removed_once",
            "payments_fundingsource_keeps_its_nature",
            "payments_paymentattempt_is_answered_once",
            "payments_paymentattempt_is_not_deleted",
            "payments_paymentattempt_is_not_truncated",
            "payments_paymentattempt_is_settled_once",
            "payments_paymentattempt_keeps_its_nature",
            "payments_paymentorder_goes_its_ways",
            "payments_paymentorder_is_not_deleted",
            "payments_paymentorder_is_not_truncated",
            "payments_paymentorder_keeps_its_nature",
            "payments_paymentorder_stays_ended",
            "payments_sourceevent_is_append_only",
            "payments_sourceevent_is_not_truncated",
        ),
    ),
)
