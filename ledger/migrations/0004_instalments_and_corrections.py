"""Accounts for principal in instalments, and the lender's account through which corrections go."""

from django.db import migrations, models

import ledger.constraints

# Written out: a migration says what the chart was when it was made.
CHART = [
    "cash_clearing",
    "commitment",
    "commitment_control",
    "corrections",
    "customer_credit",
    "fee_income",
    "fee_receivable",
    "interest_accrued",
    "interest_income",
    "interest_receivable",
    "merchant_payable",
    "penalty_accrued",
    "penalty_income",
    "penalty_receivable",
    "principal_billed",
    "principal_instalment",
    "principal_unbilled",
]


class Migration(migrations.Migration):
    dependencies = [("ledger", "0003_control_accounts_and_rounding")]

    operations = [
        migrations.RemoveConstraint("account", "account_type_is_in_chart"),
        migrations.AddConstraint(
            "account",
            ledger.constraints.CheckOnInsert(condition=models.Q(type_code__in=CHART), name="account_type_is_in_chart"),
        ),
        migrations.RunSQL(
            "INSERT INTO ledger_account (id, type_code, owner, counted, cap) VALUES (1901, 'corrections', NULL, false, '')",
            migrations.RunSQL.noop,
        ),
    ]
