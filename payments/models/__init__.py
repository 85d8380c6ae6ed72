"""Money in and out: where it comes from and goes to, what was ordered, every try, and the simulated gateway's own books."""

from payments.models.orders import Direction, PaymentAttempt, PaymentOrder
from payments.models.simulated import SimulatedAccount, SimulatedRequest, SimulatedScript
from payments.models.sources import AutopayAmount, AutopayChoice, FundingSource, SourceEvent, SourceKind

__all__ = [
    "AutopayAmount",
    "AutopayChoice",
    "Direction",
    "FundingSource",
    "PaymentAttempt",
    "PaymentOrder",
    "SimulatedAccount",
    "SimulatedRequest",
    "SimulatedScript",
    "SourceEvent",
    "SourceKind",
]
