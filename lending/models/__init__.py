"""
Microloans: what is offered, what was signed, what happened, and what follows from it.

Facts are the signed terms and the transactions; PostgreSQL refuses to change them. Everything else about a loan (its status,
instalments and interest segments) is what `finance.replay` says of these facts, written down.
"""

from lending.models.contracts import LoanContract
from lending.models.interest import Accrual, AccrualKind, Segment
from lending.models.loans import (
    OWED,
    Instalment,
    Loan,
    LoanStatus,
    LoanTransaction,
    ReminderDay,
    SignedTerms,
)
from lending.models.orders import (
    HELD,
    OrderEvent,
    OrderEventKind,
    OrderRule,
    Pledge,
    ProceedsPayment,
    Release,
    Seller,
    SellerOrder,
)
from lending.models.products import (
    CapMethod,
    LenderRule,
    LenderType,
    Offer,
    OfferFee,
    PrepaymentFee,
    Product,
    ProductVersion,
    RateUnit,
)
from lending.models.suspensions import (
    REINSTATING,
    SUSPENDING,
    SellerCause,
    SellerChange,
    SellerChangeKind,
)

__all__ = [
    "HELD",
    "OWED",
    "REINSTATING",
    "SUSPENDING",
    "Accrual",
    "AccrualKind",
    "CapMethod",
    "Instalment",
    "LenderRule",
    "LenderType",
    "Loan",
    "LoanContract",
    "LoanStatus",
    "LoanTransaction",
    "Offer",
    "OfferFee",
    "OrderEvent",
    "OrderEventKind",
    "OrderRule",
    "Pledge",
    "PrepaymentFee",
    "ProceedsPayment",
    "Product",
    "ProductVersion",
    "RateUnit",
    "Release",
    "ReminderDay",
    "Segment",
    "Seller",
    "SellerCause",
    "SellerChange",
    "SellerChangeKind",
    "SellerOrder",
    "SignedTerms",
]
