"""The proof of instalments, as `huabei.audit` is of the lines: each rule is one SELECT of the rows at fault."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from huabei.models import (
    Campaign,
    CampaignAlert,
    CampaignChange,
    InstalmentOption,
    InstalmentTerms,
    Payoff,
    Plan,
    PlanChoice,
    PlanRefund,
    PlanRow,
)
from ledger.audit import Check, guards
from ledger.chart import CASH_CLEARING, FEE_INCOME

_ROWS = """
SELECT 'huabei_plan', plan.id::text, format('principal=%%s fee=%%s', plan.principal_fen, plan.fee_fen),
       format('principal=%%s fee=%%s', rows.principal_fen + ended.principal_fen, rows.fee_fen + ended.fee_fen)
FROM huabei_plan AS plan
CROSS JOIN LATERAL (
    SELECT coalesce(sum(principal_fen), 0) AS principal_fen, coalesce(sum(fee_fen), 0) AS fee_fen
    FROM huabei_planrow AS row WHERE row.plan_id = plan.id AND ended_on IS NULL
) AS rows
CROSS JOIN LATERAL (
    SELECT coalesce(sum(principal_fen), 0) AS principal_fen, coalesce(sum(fee_fen), 0) AS fee_fen FROM (
        SELECT principal_fen, fee_fen + waived_fen AS fee_fen FROM huabei_payoff AS payoff WHERE payoff.plan_id = plan.id
        UNION ALL
        SELECT principal_fen, fee_fen FROM huabei_planrefund AS refund WHERE refund.plan_id = plan.id) AS gone
) AS ended
WHERE (rows.principal_fen + ended.principal_fen, rows.fee_fen + ended.fee_fen) <> (plan.principal_fen, plan.fee_fen)
  AND NOT EXISTS (SELECT FROM huabei_purchase AS purchase WHERE purchase.id = plan.purchase_id AND state = 'reversed')
UNION ALL
SELECT 'huabei_plan', plan.id::text, 'nothing to come: taken back', 'a row to come'
FROM huabei_plan AS plan JOIN huabei_purchase AS purchase ON purchase.id = plan.purchase_id
WHERE purchase.state = 'reversed'
  AND EXISTS (SELECT FROM huabei_planrow AS row WHERE row.plan_id = plan.id AND billed_on IS NULL AND ended_on IS NULL)
"""

_TO_COME = """
SELECT 'huabei_line', line.id::text, format('to come=%%s', coalesce(coming.fen, 0)),
       format('in instalments=%%s', account.debits_posted_fen - account.credits_posted_fen)
FROM huabei_line AS line
JOIN ledger_account AS account ON account.id = line.instalment_account_id
LEFT JOIN (SELECT plan.line_id, sum(row.principal_fen) AS fen
           FROM huabei_planrow AS row JOIN huabei_plan AS plan ON plan.id = row.plan_id
           WHERE billed_on IS NULL AND ended_on IS NULL GROUP BY plan.line_id) AS coming ON coming.line_id = line.id
WHERE coalesce(coming.fen, 0) <> account.debits_posted_fen - account.credits_posted_fen
"""

_BILLED = """
SELECT 'huabei_planrow', row.id::text, 'billed by a statement of its line after the plan was made',
       format('line %%s billed on %%s, plan of line %%s made on %%s', row.line_id, row.billed_on, plan.line_id, plan.made_on)
FROM huabei_planrow AS row JOIN huabei_plan AS plan ON plan.id = row.plan_id
LEFT JOIN huabei_statement AS statement ON statement.line_id = row.line_id AND statement.issued_on = row.billed_on
WHERE row.line_id <> plan.line_id
   OR row.billed_on IS NOT NULL AND (statement.id IS NULL OR row.billed_on <= plan.made_on)
"""

# A fee is income on the day on which it is billed or charged, and on no other.
_FEES = """
SELECT 'huabei_line', line.id::text, format('%%s billed or charged=%%s', booked_on, sum(charged_fen)),
       format('fee income=%%s', sum(income_fen))
FROM (
    SELECT line_id, billed_on AS booked_on, fee_fen AS charged_fen, 0 AS income_fen
    FROM huabei_planrow WHERE billed_on IS NOT NULL
    UNION ALL
    SELECT plan.line_id, paid_on, payoff.fee_fen, 0 FROM huabei_payoff AS payoff JOIN huabei_plan AS plan ON plan.id = plan_id
    UNION ALL
    SELECT line.id, transfer.booked_on, 0, transfer.amount_fen
    FROM ledger_transfer AS transfer JOIN huabei_line AS line ON line.fee_account_id = transfer.debit_account_id
    WHERE transfer.credit_account_id = %(fee_income)s
) AS fees JOIN huabei_line AS line ON line.id = fees.line_id
GROUP BY line.id, booked_on HAVING sum(charged_fen) <> sum(income_fen)
"""

_PLANS = """
SELECT 'huabei_plan', plan.id::text, format('principal=%%s', plan.principal_fen), format('entry moved %%s', moved.fen)
FROM huabei_plan AS plan JOIN huabei_line AS line ON line.id = plan.line_id
CROSS JOIN LATERAL (SELECT coalesce(sum(amount_fen), 0) AS fen FROM ledger_transfer AS transfer
                    WHERE transfer.entry_id = plan.entry_id AND debit_account_id = line.instalment_account_id) AS moved
WHERE moved.fen <> plan.principal_fen
"""

_PAYOFFS = """
SELECT 'huabei_payoff', payoff.id::text, format('principal=%%s fee=%%s', moved.principal, moved.fee),
       format('principal=%%s fee=%%s', payoff.principal_fen, payoff.fee_fen)
FROM huabei_payoff AS payoff JOIN huabei_plan AS plan ON plan.id = payoff.plan_id
JOIN huabei_line AS line ON line.id = plan.line_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(amount_fen) FILTER (WHERE credit_account_id = line.instalment_account_id), 0) AS principal,
           coalesce(sum(amount_fen) FILTER (WHERE credit_account_id = line.fee_account_id), 0) AS fee
    FROM ledger_transfer AS transfer WHERE transfer.entry_id = payoff.entry_id AND debit_account_id = %(cash)s
) AS moved
WHERE (moved.principal, moved.fee) <> (payoff.principal_fen, payoff.fee_fen)
"""

_REFUNDS = """
SELECT 'huabei_refund', refund.id::text, format('posted=%%s off plans=%%s', moved.fen, off.fen),
       format('off instalments=%%s', to_instalment_fen)
FROM huabei_refund AS refund
JOIN huabei_purchase AS purchase ON purchase.id = refund.purchase_id
JOIN huabei_line AS line ON line.id = purchase.line_id
CROSS JOIN LATERAL (SELECT coalesce(sum(amount_fen), 0) AS fen FROM ledger_transfer AS transfer
                    WHERE transfer.entry_id = refund.entry_id AND credit_account_id = line.instalment_account_id) AS moved
CROSS JOIN LATERAL (SELECT coalesce(sum(principal_fen), 0) AS fen FROM huabei_planrefund AS each
                    WHERE each.refund_id = refund.id AND each.entry_id = refund.entry_id) AS off
WHERE (moved.fen, off.fen) <> (to_instalment_fen, to_instalment_fen)
"""

# While a purchase waits, all that was promised is off the budget; afterwards, what its plans charged the merchant, unless it
# was taken back.
_BUDGETS = """
SELECT 'huabei_campaign', campaign.id::text, format('left of the budget=%%s', budget_fen - used.fen),
       format('left of the budget=%%s', account.credits_posted_fen - account.debits_posted_fen - account.debits_pending_fen)
FROM huabei_campaign AS campaign JOIN ledger_account AS account ON account.id = campaign.budget_account_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(CASE purchase.state WHEN 'authorised' THEN choice.subsidy_fen WHEN 'reversed' THEN 0
                             ELSE charged.fen END), 0) AS fen
    FROM huabei_planchoice AS choice JOIN huabei_purchase AS purchase ON purchase.id = choice.purchase_id
    CROSS JOIN LATERAL (SELECT coalesce(sum(subsidy_fen), 0) AS fen FROM huabei_plan AS plan
                        WHERE plan.purchase_id = choice.purchase_id) AS charged
    WHERE choice.campaign_id = campaign.id
) AS used
WHERE budget_fen - used.fen <> account.credits_posted_fen - account.debits_posted_fen - account.debits_pending_fen
"""

_SUBSIDIES = """
SELECT 'huabei_plan', plan.id::text, format('campaign=%%s charged=%%s', choice.campaign_id, moved.fen),
       format('campaign=%%s charged=%%s', plan.campaign_id, plan.subsidy_fen)
FROM huabei_plan AS plan
LEFT JOIN huabei_planchoice AS choice ON choice.purchase_id = plan.purchase_id
LEFT JOIN huabei_purchase AS purchase ON purchase.id = plan.purchase_id
LEFT JOIN huabei_merchant AS merchant ON merchant.shop_id = purchase.merchant_id
CROSS JOIN LATERAL (SELECT coalesce(sum(amount_fen), 0) AS fen FROM ledger_transfer AS transfer
                    WHERE transfer.entry_id = plan.subsidy_entry_id AND debit_account_id = merchant.payable_account_id
                      AND credit_account_id = %(fee_income)s) AS moved
WHERE plan.campaign_id IS DISTINCT FROM choice.campaign_id OR moved.fen <> plan.subsidy_fen
"""

CHECKS: tuple[Check, ...] = (
    Check(
        "plan_rows",
        _("A plan's instalments, with what was paid off or refunded, add up to its principal and fee."),
        "huabei_plan",
        _ROWS,
    ),
    Check(
        "plan_to_come",
        _("The instalments to come of a line are the principal on its account of instalments."),
        "huabei_line",
        _TO_COME,
    ),
    Check(
        "plan_billed",
        _("An instalment was billed by a statement of its line, after its plan was made."),
        "huabei_planrow",
        _BILLED,
    ),
    Check(
        "plan_fees",
        _("Fees of instalments are income on the days on which they were billed or charged."),
        "huabei_planrow WHERE billed_on IS NOT NULL",
        _FEES,
        {"fee_income": FEE_INCOME.control_id},
    ),
    Check("plan_entries", _("A plan began with the principal that its entry posted."), "huabei_plan", _PLANS),
    Check(
        "plan_payoffs",
        _("An early payoff went where its entry posted it."),
        "huabei_payoff",
        _PAYOFFS,
        {"cash": CASH_CLEARING.control_id},
    ),
    Check(
        "plan_refunds",
        _("What refunds took off instalments is what they posted and what plans lost."),
        "huabei_planrefund",
        _REFUNDS,
    ),
    Check(
        "campaign_budgets",
        _("What is left of a campaign's budget is what it has neither promised nor paid."),
        "huabei_campaign",
        _BUDGETS,
    ),
    Check(
        "campaign_fees",
        _("A merchant was charged the fees of its campaign's plans, as their entries posted."),
        "huabei_plan WHERE campaign_id IS NOT NULL",
        _SUBSIDIES,
        {"fee_income": FEE_INCOME.control_id},
    ),
    guards(
        "plan_guards",
        models=(
            Campaign,
            CampaignAlert,
            CampaignChange,
            InstalmentTerms,
            InstalmentOption,
            PlanChoice,
            Plan,
            PlanRow,
            Payoff,
            PlanRefund,
        ),
        facts=(
            CampaignAlert,
            CampaignChange,
            InstalmentTerms,
            InstalmentOption,
            PlanChoice,
            Plan,
            Payoff,
            PlanRefund,
        ),
        triggers=(
            "huabei_instalmentoption_is_append_only",
            "huabei_instalmentoption_is_not_truncated",
            "huabei_instalmentoption_not_behind",
            "huabei_instalmentterms_is_append_only",
            "huabei_instalmentterms_is_not_truncated",
            "huabei_instalmentterms_not_behind",
            "huabei_campaign_changes_by_a_fact",
            "huabei_campaign_ends_once",
            "huabei_campaign_keeps_its_promise",
            "huabei_campaignalert_is_append_only",
            "huabei_campaignalert_is_not_truncated",
            "huabei_campaignchange_is_append_only",
            "huabei_campaignchange_is_not_truncated",
            "huabei_payoff_is_append_only",
            "huabei_payoff_is_not_truncated",
            "huabei_plan_is_append_only",
            "huabei_plan_is_not_truncated",
            "huabei_planchoice_is_append_only",
            "huabei_planchoice_is_not_truncated",
            "huabei_planrefund_is_append_only",
            "huabei_planrefund_is_not_truncated",
            "huabei_planrow_only_bills",
        ),
    ),
)
