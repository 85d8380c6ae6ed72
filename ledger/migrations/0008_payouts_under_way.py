"""An account for what is being paid out to customers."""

from django.db import migrations, models

import ledger.constraints

# Written out: a migration says what the chart was when it was made.
CHART = [
    "campaign_budget",
    "campaign_control",
    "cash_clearing",
    "commitment",
    "commitment_control",
    "corrections",
    "customer_credit",
    "discount_income",
    "fee_income",
    "fee_receivable",
    "interest_accrued",
    "interest_income",
    "interest_receivable",
    "loan_claim",
    "loan_claim_control",
    "loan_fee_income",
    "loan_interest_accrued",
    "loan_interest_income",
    "loan_loss",
    "loan_penalty_accrued",
    "loan_penalty_income",
    "loan_principal",
    "loan_recovery",
    "merchant_payable",
    "merchant_settlement",
    "payouts_under_way",
    "penalty_accrued",
    "penalty_income",
    "penalty_receivable",
    "principal_billed",
    "principal_instalment",
    "principal_unbilled",
]


class Migration(migrations.Migration):
    dependencies = [("ledger", "0007_merchant_settlement")]

    operations = [
        migrations.RemoveConstraint("account", "account_type_is_in_chart"),
        migrations.AddConstraint(
            "account",
            ledger.constraints.CheckOnInsert(condition=models.Q(type_code__in=CHART), name="account_type_is_in_chart"),
        ),
        migrations.RunSQL(
            "INSERT INTO ledger_account (id, type_code, owner, counted, cap) VALUES (2101, 'payouts_under_way', NULL, false, '')",
            migrations.RunSQL.noop,
        ),
    ]
