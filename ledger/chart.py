"""
The chart of accounts: every type of account the books may hold, and how the database guards it.

A *counted* account carries four counters that change in the same transaction as its transfers. A *control* account is
one that everybody touches (merchant payable, interest income): it carries none and is summed, so it is never locked.
A *capped* account refuses, inside PostgreSQL, what would take it past its cap.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AccountClass(StrEnum):
    """Where an account type stands in the statements."""

    ASSET = "asset"
    LIABILITY = "liability"
    INCOME = "income"
    EXPENSE = "expense"
    OFF_BALANCE = "off_balance"


class Cap(StrEnum):
    """What PostgreSQL refuses: debits beyond the credits posted, or credits beyond the debits posted."""

    NONE = ""
    DEBITS = "debits"
    CREDITS = "credits"


# The lender's own accounts have numbers up to this one and carry no counters; accounts of owners are numbered above it.
LAST_CONTROL_NUMBER = 10_000


@dataclass(frozen=True, slots=True)
class AccountType:
    """One row of the chart."""

    code: str
    account_class: AccountClass
    counted: bool = False
    cap: Cap = Cap.NONE
    # The number, and so the id, of the lender's own control account of this type; None where owners have their own.
    number: int | None = None

    @property
    def control_id(self) -> int:
        """The id of the lender's own control account. ValueError for a type whose accounts belong to owners."""
        if self.number is None:
            raise ValueError(f"{self.code} accounts belong to owners")
        return self.number


# A limit is an account: granting credits it, reserving and drawing debit it, and it cannot be overdrawn.
COMMITMENT = AccountType("commitment", AccountClass.OFF_BALANCE, counted=True, cap=Cap.DEBITS)
COMMITMENT_CONTROL = AccountType("commitment_control", AccountClass.OFF_BALANCE, number=9001)

# What a merchant promised to pay of its customers' fees: granting credits it, each promise to a customer debits it.
CAMPAIGN_BUDGET = AccountType("campaign_budget", AccountClass.OFF_BALANCE, counted=True, cap=Cap.DEBITS)
CAMPAIGN_CONTROL = AccountType("campaign_control", AccountClass.OFF_BALANCE, number=9003)

# What one customer owes. None can be repaid below zero.
PRINCIPAL_UNBILLED = AccountType("principal_unbilled", AccountClass.ASSET, counted=True, cap=Cap.CREDITS)
PRINCIPAL_BILLED = AccountType("principal_billed", AccountClass.ASSET, counted=True, cap=Cap.CREDITS)
# Principal bought in instalments and on no statement yet.
PRINCIPAL_INSTALMENT = AccountType("principal_instalment", AccountClass.ASSET, counted=True, cap=Cap.CREDITS)
INTEREST_RECEIVABLE = AccountType("interest_receivable", AccountClass.ASSET, counted=True, cap=Cap.CREDITS)
FEE_RECEIVABLE = AccountType("fee_receivable", AccountClass.ASSET, counted=True, cap=Cap.CREDITS)
PENALTY_RECEIVABLE = AccountType("penalty_receivable", AccountClass.ASSET, counted=True, cap=Cap.CREDITS)
# What the lender owes one customer: overpayments and refunds of what was already paid.
CUSTOMER_CREDIT = AccountType("customer_credit", AccountClass.LIABILITY, counted=True, cap=Cap.DEBITS)

# Everybody's: summed, never locked. What was ordered to be paid to customers and has not been heard of yet:
PAYOUTS_UNDER_WAY = AccountType("payouts_under_way", AccountClass.LIABILITY, number=2101)
INTEREST_ACCRUED = AccountType("interest_accrued", AccountClass.ASSET, number=1301)
PENALTY_ACCRUED = AccountType("penalty_accrued", AccountClass.ASSET, number=1302)
# Where an entry that corrects the past moves what it takes from one place to another: every such entry leaves it at nothing.
CORRECTIONS = AccountType("corrections", AccountClass.ASSET, number=1901)
CASH_CLEARING = AccountType("cash_clearing", AccountClass.ASSET, number=1001)
MERCHANT_PAYABLE = AccountType("merchant_payable", AccountClass.LIABILITY)
# What was settled with one merchant and is to be paid out.
MERCHANT_SETTLEMENT = AccountType("merchant_settlement", AccountClass.LIABILITY)
INTEREST_INCOME = AccountType("interest_income", AccountClass.INCOME, number=6001)
PENALTY_INCOME = AccountType("penalty_income", AccountClass.INCOME, number=6002)
FEE_INCOME = AccountType("fee_income", AccountClass.INCOME, number=6003)
# What merchants pay of what their customers bought.
DISCOUNT_INCOME = AccountType("discount_income", AccountClass.INCOME, number=6004)

# A loan: its principal; and, once it is given up and off the balance, what is still claimed of the borrower.
LOAN_PRINCIPAL = AccountType("loan_principal", AccountClass.ASSET, counted=True, cap=Cap.CREDITS)
LOAN_CLAIM = AccountType("loan_claim", AccountClass.OFF_BALANCE, counted=True, cap=Cap.CREDITS)
LOAN_CLAIM_CONTROL = AccountType("loan_claim_control", AccountClass.OFF_BALANCE, number=9002)
# Each loan product's own: its income, what stands accrued, its losses and what came back of them.
LOAN_INTEREST_ACCRUED = AccountType("loan_interest_accrued", AccountClass.ASSET)
LOAN_PENALTY_ACCRUED = AccountType("loan_penalty_accrued", AccountClass.ASSET)
LOAN_INTEREST_INCOME = AccountType("loan_interest_income", AccountClass.INCOME)
LOAN_PENALTY_INCOME = AccountType("loan_penalty_income", AccountClass.INCOME)
LOAN_FEE_INCOME = AccountType("loan_fee_income", AccountClass.INCOME)
LOAN_LOSS = AccountType("loan_loss", AccountClass.EXPENSE)
LOAN_RECOVERY = AccountType("loan_recovery", AccountClass.INCOME)

CHART: dict[str, AccountType] = {
    account_type.code: account_type
    for account_type in (
        COMMITMENT,
        COMMITMENT_CONTROL,
        CAMPAIGN_BUDGET,
        CAMPAIGN_CONTROL,
        PRINCIPAL_UNBILLED,
        PRINCIPAL_BILLED,
        PRINCIPAL_INSTALMENT,
        INTEREST_RECEIVABLE,
        FEE_RECEIVABLE,
        PENALTY_RECEIVABLE,
        CUSTOMER_CREDIT,
        PAYOUTS_UNDER_WAY,
        INTEREST_ACCRUED,
        PENALTY_ACCRUED,
        CORRECTIONS,
        CASH_CLEARING,
        MERCHANT_PAYABLE,
        MERCHANT_SETTLEMENT,
        INTEREST_INCOME,
        PENALTY_INCOME,
        FEE_INCOME,
        DISCOUNT_INCOME,
        LOAN_PRINCIPAL,
        LOAN_CLAIM,
        LOAN_CLAIM_CONTROL,
        LOAN_INTEREST_ACCRUED,
        LOAN_PENALTY_ACCRUED,
        LOAN_INTEREST_INCOME,
        LOAN_PENALTY_INCOME,
        LOAN_FEE_INCOME,
        LOAN_LOSS,
        LOAN_RECOVERY,
    )
}
