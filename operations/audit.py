"""Every rule that the books of this lender keep: the ledger's own and those its products add."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from django.utils.translation import gettext_lazy as _

import huabei.audit
import huabei.audit_documents
import huabei.audit_opening
import huabei.delinquency_audit
import huabei.instalment_audit
import huabei.settlement_audit
import huabei.share_audit
import ledger.audit
import lending.audit
import payments.audit
from customers.models import Contact, EmailDelivery, Notice, NoticePreference
from huabei.autopay import PURPOSE
from huabei.facts import disagreements_of
from huabei.models import Line
from ledger.audit import Check, Fault, guards
from lending.replaying import loans_replayed
from operations.models import BusinessDay, CloseStep, Proof
from operations.services.business_day import business_date, is_open

# Money that moved and was answered before today has reached its product; a line's is one repayment of that amount, and no
# repayment says that it was collected which was not.
_SETTLED = """
WITH collected AS (
    SELECT attempt.id, 'payment:' || attempt.reference AS reference, ordered.subject, attempt.moved_fen, attempt.settled_on
    FROM payments_paymentattempt AS attempt JOIN payments_paymentorder AS ordered ON ordered.id = attempt.order_id
    WHERE ordered.purpose = %(purpose)s AND ordered.direction = 'collect' AND attempt.moved_fen > 0
      AND attempt.settled_on IS NOT NULL
), booked AS (
    SELECT repayment.id, repayment.reference, line.uuid::text AS subject, repayment.amount_fen, repayment.received_on
    FROM huabei_repayment AS repayment JOIN huabei_line AS line ON line.id = repayment.line_id
    WHERE repayment.reference LIKE 'payment:%%'
)
SELECT 'payments_paymentattempt', collected.id::text, format('%%s fen on line %%s', collected.moved_fen, collected.subject),
       CASE WHEN booked.id IS NOT NULL THEN format('%%s fen on line %%s', booked.amount_fen, booked.subject) END
FROM collected LEFT JOIN booked USING (reference)
WHERE (booked.amount_fen, booked.subject) IS DISTINCT FROM (collected.moved_fen, collected.subject)
UNION ALL
SELECT 'huabei_repayment', booked.id::text, 'a collection', NULL
FROM booked WHERE NOT EXISTS (SELECT FROM collected WHERE collected.reference = booked.reference)
UNION ALL
SELECT 'payments_paymentattempt', attempt.id::text, format('settled by %%s', attempt.answered_on), 'not settled'
FROM payments_paymentattempt AS attempt
WHERE attempt.moved_fen > 0 AND attempt.settled_on IS NULL
  AND attempt.answered_on < (SELECT business_on FROM operations_businessday)
"""

# Lines and loans do not know each other, so each has the law's figure in rows of its own.
_CAPS = """
SELECT 'huabei_consumerrule', format('%%s from %%s', day.lender_type, day.effective_from), loan.fen::text, line.fen::text
FROM (SELECT lender_type, effective_from FROM huabei_consumerrule
      UNION SELECT lender_type, effective_from FROM lending_lenderrule) AS day
LEFT JOIN LATERAL (
    SELECT consumer_cap_fen AS fen FROM huabei_consumerrule AS rule
    WHERE rule.lender_type = day.lender_type AND rule.effective_from <= day.effective_from
    ORDER BY rule.effective_from DESC LIMIT 1
) AS line ON true
LEFT JOIN LATERAL (
    SELECT consumer_limit_fen AS fen FROM lending_lenderrule AS rule
    WHERE rule.lender_type = day.lender_type AND rule.effective_from <= day.effective_from
    ORDER BY rule.effective_from DESC LIMIT 1
) AS loan ON true
WHERE line.fen IS DISTINCT FROM loan.fen
"""

CHECKS: tuple[Check, ...] = (
    *ledger.audit.CHECKS,
    *payments.audit.CHECKS,
    *huabei.audit.CHECKS,
    *huabei.audit_documents.DOCUMENTS,
    *huabei.audit_opening.CHECKS,
    *huabei.delinquency_audit.CHECKS,
    *huabei.instalment_audit.CHECKS,
    *huabei.share_audit.CHECKS,
    *huabei.settlement_audit.CHECKS,
    Check(
        "payment_settled",
        _(
            "What was collected for a line is one repayment of it, and nothing collected waits longer than its day."
        ),
        "payments_paymentattempt WHERE moved_fen > 0",
        _SETTLED,
        {"purpose": PURPOSE},
    ),
    *lending.audit.CHECKS,
    Check(
        "consumer_caps",
        _("What one consumer may owe a type of lender is the same for lines and for loans, on every day."),
        "huabei_consumerrule",
        _CAPS,
    ),
    guards(
        "close_guards",
        models=(BusinessDay, CloseStep, Proof),
        facts=(Proof,),
        triggers=(
            "operations_businessday_is_not_deleted",
            "operations_businessday_is_not_truncated",
            "operations_businessday_moves_by_a_day",
            "operations_closestep_is_done_once",
            "operations_closestep_is_not_deleted",
            "operations_closestep_is_not_truncated",
            "operations_proof_is_append_only",
            "operations_proof_is_not_truncated",
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


# How many lines are told anew at a time.
_TOGETHER = 500


def _lines_replayed() -> Iterator[Fault]:
    if not is_open():
        return
    on = business_date()
    every = Line.objects.order_by("pk").iterator()
    while lines := list(islice(every, _TOGETHER)):
        for line, found in disagreements_of(lines, on):
            yield Fault(
                "huabei_line", str(line.pk), f"{found.name}={found.replayed}", f"{found.name}={found.books}"
            )


# What takes its time: about a millisecond a line.
REPLAYS: tuple[Check, ...] = (
    Check(
        "line_replay",
        _("Every line stands as its facts say when its life is told anew from them."),
        "huabei_line",
        find=_lines_replayed,
    ),
    Check(
        "loan_replay",
        _("Every loan stands as its facts say when its life is told anew from them."),
        "lending_loan",
        find=lambda: loans_replayed(business_date()),
    ),
)
