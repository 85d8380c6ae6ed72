"""Many rows brought to what they are to say, in one statement."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.forms.models import model_to_dict

from ledger.sql import rewrite
from lending.models import Instalment, Loan, Segment
from tests.loan_world import a_wish, lent

pytestmark = pytest.mark.django_db


@pytest.fixture
def loan() -> Loan:
    return lent(a_wish(method="interest_first", periods=3, rate=Decimal("0.0006")))


def test_every_kind_of_column_comes_back_as_it_was_said(loan: Loan, django_assert_num_queries: Any) -> None:
    rows = list(Instalment.objects.filter(loan=loan).order_by("n"))
    assert len(rows) == 3
    rows[0].paid_interest_fen, rows[0].unpaid_fen = 1, rows[0].unpaid_fen - 1
    rows[1].due_on, rows[1].status_then = date(2026, 8, 11), "'a\\\"b'"
    with django_assert_num_queries(1):
        assert rewrite(rows[:2]) == 2
    assert [model_to_dict(row) for row in Instalment.objects.filter(loan=loan).order_by("n")] == [
        model_to_dict(row) for row in rows
    ]
    segment = Segment.objects.filter(loan=loan).first()
    assert segment is not None
    segment.carried, segment.until = Decimal("12.3456789012"), None
    rewrite([segment])
    assert model_to_dict(Segment.objects.get(pk=segment.pk)) == model_to_dict(segment)


def test_nothing_to_write_is_no_statement(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert rewrite([]) == 0
