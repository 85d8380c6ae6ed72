"""The whole path in small: histories, score, lines, two months of life closed by the real job, and proved books."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest
from django.conf import settings

from customers.models import Customer
from huabei.models import Correction, Line, Plan, Purchase, Repayment, SharedLine, Statement, TemporaryLimit
from ledger.audit import verify
from lending.models import Loan, LoanTransaction, Pledge, ProceedsPayment
from operations import demo
from operations.audit import CHECKS
from operations.models import CloseStep
from operations.services import closing
from payments.models import PaymentOrder

TODAY = "2026-11-12"


def build(database: str, **options: object) -> subprocess.Popen[bytes]:
    """The command that builds a small world in this database."""
    return subprocess.Popen(
        [
            *(sys.executable, "manage.py", "build_demo_world", "--today", TODAY),
            *("--people", "3000", "--spenders", "25"),
        ],
        cwd=settings.BASE_DIR,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings.test",
            "TEST_DATABASE": database,
            "LANG": "C",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def days_closed() -> int:
    return CloseStep.objects.filter(step="lines.move_buckets").count()


@pytest.fixture(autouse=True)
def _own_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(settings.VAR_DIR, "demo_logins.json").unlink(missing_ok=True)


def test_a_build_that_is_killed_is_repeated_to_a_world_whose_books_prove(committed_db: str) -> None:
    killed = build(committed_db)
    deadline = time.monotonic() + 120
    while days_closed() < 20:
        assert killed.poll() is None, killed.communicate()[0].decode()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert not demo.is_built()

    again = build(committed_db)
    output = again.communicate(timeout=240)[0].decode()
    assert again.returncode == 0, output
    assert demo.is_built()
    assert closing.business_date() == date.fromisoformat(TODAY)
    assert "rules hold" in output
    assert "interest income" in output

    broken = [finding.check.name for finding in verify(CHECKS) if not finding.holds]
    assert broken == []
    # Nothing was done twice: the references of the demo's acts are its days.
    assert Purchase.objects.values("reference").distinct().count() == Purchase.objects.count() > 100
    assert Statement.objects.values("issued_on").distinct().count() == 2
    assert Repayment.objects.filter(to_billed_fen__gt=0).exists()
    assert Line.objects.count() > 100
    # Some have a loan beside their line, and repay it.
    assert LoanTransaction.objects.filter(kind="disbursement").count() > 10
    assert LoanTransaction.objects.filter(kind="repayment").exists()
    for what in ("payoff", "prepayment"):
        assert LoanTransaction.objects.filter(kind=what, reference__startswith="demo").exists(), what
    # A seller had one loan repaid by proceeds, with a rest of them; another runs, one of its orders settled and one refunded.
    seller = Customer.objects.get(login__username="seller")
    loans = Loan.objects.filter(customer=seller).order_by("pk")
    assert [loan.status for loan in loans] == ["closed", "active"]
    assert ProceedsPayment.objects.get().amount_fen > 0
    assert {each.release for each in Pledge.objects.filter(loan=loans[1])} == {
        "", "settled", "refunded"}  # fmt: skip
    # Some had their bill collected: what a wallet held, then the rest from a card.
    assert PaymentOrder.objects.filter(state="confirmed").exists()
    assert not PaymentOrder.objects.exclude(state="confirmed").exists()
    # Whoever looks for the first time finds a shared line, instalments, a limit for a time and a payment that bounced.
    shown = Line.objects.get(customer=Customer.objects.get(login__username="borrower"))
    for kind in (SharedLine, Plan, TemporaryLimit):
        assert kind.objects.filter(line=shown).exists(), kind
    assert Correction.objects.filter(cause="bounced").exists()
    assert set(demo.passwords()) == {"borrower", "seller", "merchant", "underwriter", "administrator"}
