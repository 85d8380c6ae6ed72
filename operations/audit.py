"""Every rule that the books of this lender keep: the ledger's own and those its products add."""

from __future__ import annotations

import huabei.audit
import ledger.audit
from ledger.audit import Check

CHECKS: tuple[Check, ...] = (*ledger.audit.CHECKS, *huabei.audit.CHECKS)
