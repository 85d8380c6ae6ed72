"""The nightly proof of the books: every rule, every line and loan told anew, kept for whoever looks in the morning."""

from __future__ import annotations

import logging
import time
from datetime import datetime
from typing import Any

from ledger.audit import Finding, verify
from operations.audit import CHECKS, REPLAYS
from operations.models import Proof
from operations.services.business_day import business_date

log = logging.getLogger(__name__)


def prove_books(*, at: datetime) -> Proof:
    """
    Proves the books on the business date, once: what was found before is given again. A broken rule is an error in the log.
    """
    on = business_date()
    if found := Proof.objects.filter(proved_on=on).first():
        return found
    started = time.perf_counter()
    findings = list(verify((*CHECKS, *REPLAYS)))
    broken = [finding for finding in findings if not finding.holds]
    for finding in broken:
        log.error("the books break %s: %s", finding.check.name, finding.faults[0])
    proof, _made = Proof.objects.get_or_create(
        proved_on=on,
        defaults={
            "started_at": at,
            "seconds": round(time.perf_counter() - started, 2),
            "rules": len(findings),
            "rows": sum(finding.rows_examined for finding in findings),
            "broken_rules": len(broken),
            "faults": [fault for finding in broken for fault in _faults(finding)],
        },
    )
    return proof


def _faults(finding: Finding) -> list[dict[str, Any]]:
    return [
        {
            "rule": finding.check.name,
            "table": fault.table,
            "id": fault.id,
            "expected": fault.expected,
            "found": fault.found,
        }
        for fault in finding.faults
    ]
