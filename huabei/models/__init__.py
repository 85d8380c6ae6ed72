"""
A credit line and its life: purchases, statements, dues, instalments, repayments, interest segments.

Debts are not stored here: what a line owes stands on its ledger accounts, whose ids the line carries. Lifecycle (`status`),
delinquency (`bucket`) and a purchase's `state` are separate axes.
"""

from huabei.models.campaigns import Campaign, CampaignAlert, CampaignChange, CampaignEnd
from huabei.models.delinquency import (
    Arrears,
    Category,
    Classification,
    ClassificationBand,
    ReminderDay,
)
from huabei.models.documents import StatementDocument
from huabei.models.instalments import (
    InstalmentOption,
    InstalmentTerms,
    Payoff,
    PayoffRule,
    Plan,
    PlanChoice,
    PlanRefund,
    PlanRow,
)
from huabei.models.interest import Accrual, Segment, SegmentKind
from huabei.models.limits import (
    BulkFreeze,
    BulkThaw,
    Cause,
    Closure,
    Concern,
    Freeze,
    LimitChange,
    LimitChangeKind,
    LimitReview,
    ReviewOutcome,
    ReviewTerms,
    TemporaryLimit,
)
from huabei.models.lines import CalendarChange, Line, LineStatus
from huabei.models.merchants import (
    CategoryRule,
    HoldBack,
    MerchantChange,
    MerchantChangeKind,
    MerchantTerms,
    Posting,
    Settlement,
    SettlementPayment,
)
from huabei.models.mornings import MadeUp, StepAhead
from huabei.models.opening import (
    ConsumerRule,
    LenderType,
    LimitBand,
    OpeningDecision,
    OpeningOutcome,
    OpeningPolicy,
)
from huabei.models.purchases import Capture, Merchant, Purchase, PurchaseState, Receipt, Refund, RefundShare
from huabei.models.repayments import Correction, CorrectionCause, Repayment
from huabei.models.reviewing import DecisionReview, ReviewVerdict, VerdictOutcome
from huabei.models.shares import (
    CreditPayout,
    CreditPayoutEnd,
    ShareChange,
    ShareChangeKind,
    SharedLine,
    SharedPurchase,
    ShareInvitation,
    ShareMonth,
    ShareStatus,
    ShareTerms,
)
from huabei.models.statements import Due, Statement
from huabei.models.terms import Terms

__all__ = [
    "Accrual",
    "Arrears",
    "BulkFreeze",
    "BulkThaw",
    "CalendarChange",
    "Campaign",
    "CampaignAlert",
    "CampaignChange",
    "CampaignEnd",
    "Capture",
    "Category",
    "CategoryRule",
    "Cause",
    "Classification",
    "ClassificationBand",
    "Closure",
    "Concern",
    "ConsumerRule",
    "Correction",
    "CorrectionCause",
    "CreditPayout",
    "CreditPayoutEnd",
    "DecisionReview",
    "Due",
    "Freeze",
    "HoldBack",
    "InstalmentOption",
    "InstalmentTerms",
    "LenderType",
    "LimitBand",
    "LimitChange",
    "LimitChangeKind",
    "LimitReview",
    "Line",
    "LineStatus",
    "MadeUp",
    "Merchant",
    "MerchantChange",
    "MerchantChangeKind",
    "MerchantTerms",
    "OpeningDecision",
    "OpeningOutcome",
    "OpeningPolicy",
    "Payoff",
    "PayoffRule",
    "Plan",
    "PlanChoice",
    "PlanRefund",
    "PlanRow",
    "Posting",
    "Purchase",
    "PurchaseState",
    "Receipt",
    "Refund",
    "RefundShare",
    "ReminderDay",
    "Repayment",
    "ReviewOutcome",
    "ReviewTerms",
    "ReviewVerdict",
    "Segment",
    "SegmentKind",
    "Settlement",
    "SettlementPayment",
    "ShareChange",
    "ShareChangeKind",
    "ShareInvitation",
    "ShareMonth",
    "ShareStatus",
    "ShareTerms",
    "SharedLine",
    "SharedPurchase",
    "Statement",
    "StatementDocument",
    "StepAhead",
    "TemporaryLimit",
    "Terms",
    "VerdictOutcome",
]
