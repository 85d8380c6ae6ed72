"""A loan through its services: priced, signed, disbursed, repaid; each request once; only differences posted."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from finance.loan import Ahead, Kind, Reschedule
from finance.money import format_yuan
from huabei.services.repayments import repay
from ledger.audit import verify
from ledger.models import Entry, Transfer
from ledger.selectors import exposures, positions
from ledger.sql import fetch_all
from lending.errors import (
    LoanAmountRefused,
    LoanDateRefused,
    LoanFactRefused,
    LoanNotFound,
    LoanNotRunning,
    LoanReferenceRefused,
    LoanRequestConflict,
)
from lending.models import Instalment, LenderRule, Loan, LoanStatus, LoanTransaction, Segment
from lending.policy import Refusal
from lending.replaying import loans_replayed
from lending.selectors import ProductNotFound, loan_on, payoff_quote
from lending.services import servicing
from lending.services.facts import Request, preview
from lending.services.quoting import AmountNotOffered, NotOffered, PriceCapExceeded, Wish, quote_loan
from lending.services.signing import LoanRefused, cancel_loan, decide_loan, sign_loan
from operations import audit
from operations.services.closing import close_lines
from tests.line_world import a_customer, a_line, a_merchant, bought
from tests.loan_world import SIGNED_ON, a_wish, end_day, end_days, lent, ref, signed

pytestmark = pytest.mark.django_db

AT = datetime(2026, 6, 10, 4, tzinfo=UTC)
# 12,000.00 for three months, interest first, at 0.06 % a day: 216.00 for the 30 days to 10 July.
INTEREST_FIRST = a_wish(method="interest_first", periods=3, rate=Decimal("0.0006"))


def owed(loan: Loan) -> dict[str, str]:
    stands = positions([loan.principal_account_id, loan.interest_account_id, loan.penalty_account_id])
    return {each.type_code: format_yuan(each.debit_fen) for each in stands.values() if each.debit_fen}


def holds() -> bool:
    return [finding.check.name for finding in verify(audit.CHECKS) if not finding.holds] == []


# The price.


def test_a_quote_shows_both_annual_rates_and_the_cap_by_its_method() -> None:
    quoted = quote_loan(wish=INTEREST_FIRST, on=SIGNED_ON)
    assert [row.interest_fen for row in quoted.schedule.rows] == [216_00, 223_20, 223_20]
    assert f"{quoted.annual_rates.simple:.4f} {quoted.annual_rates.effective:.4f}" == "0.2208 0.2445"
    assert (quoted.rule.cap_method, quoted.rule.price_cap) == ("simple", Decimal("0.2400"))
    assert quoted.capped_rate == quoted.annual_rates.simple


def test_the_cap_is_counted_as_its_rule_says_at_the_quote_and_at_signing() -> None:
    customer = a_customer()
    LenderRule.objects.create(
        lender_type="microlender",
        effective_from=SIGNED_ON + timedelta(days=1),
        price_cap="0.24",
        cap_method="effective",
        consumer_limit_fen=200_000_00,
        business_limit_fen=10_000_000_00,
    )
    quote_loan(wish=INTEREST_FIRST, on=SIGNED_ON)
    later = SIGNED_ON + timedelta(days=1)
    with pytest.raises(PriceCapExceeded, match=r"24\.4. %, above the cap of 24\.00 % \(effective"):
        quote_loan(wish=INTEREST_FIRST, on=later)
    with pytest.raises(PriceCapExceeded):
        sign_loan(customer_id=customer.pk, wish=INTEREST_FIRST, score=700, reference="x", on=later, at=AT)
    assert not Loan.objects.exists()


@pytest.mark.parametrize(
    ("wish", "error", "field"),
    [
        (a_wish(product="piggybank"), ProductNotFound, "product"),
        (a_wish(999_99), AmountNotOffered, "amount"),
        (a_wish(300_000_01), AmountNotOffered, "amount"),
        (a_wish(0), LoanAmountRefused, "amount"),
        (a_wish(-5), LoanAmountRefused, "amount"),
        (a_wish(method="flat"), NotOffered, "method"),
        (a_wish(periods=0), NotOffered, "method"),
        (a_wish(periods=13), NotOffered, "method"),
        (a_wish(rate=Decimal("0.0001")), NotOffered, "rate"),
        (a_wish(rate=Decimal("-0.0003")), NotOffered, "rate"),
        (a_wish(rate=Decimal("0.0007")), NotOffered, "rate"),
    ],
)
def test_what_is_not_offered_is_not_quoted(wish: Wish, error: type[Exception], field: str) -> None:
    with pytest.raises(error) as refused:
        quote_loan(wish=wish, on=SIGNED_ON)
    assert getattr(refused.value, "field", None) == field


# Signing.


def test_signing_freezes_the_terms_commits_the_amount_and_records_consent() -> None:
    loan = signed(INTEREST_FIRST)
    terms = loan.terms
    assert (loan.status, terms.principal_fen, terms.rate) == ("signed", 12_000_00, Decimal("0.0006"))
    assert f"{terms.simple_rate:.4f} {terms.effective_rate:.4f} {terms.price_cap}" == "0.2208 0.2445 0.2400"
    assert terms.consent.purpose == "loan_contract"
    assert len(bytes(terms.sha256)) == 32
    assert exposures([loan.customer_id]) == {loan.customer_id: 12_000_00}
    assert holds()


@pytest.mark.parametrize(
    ("person", "score", "amount_fen", "refusal"),
    [
        ({}, None, 12_000_00, Refusal.NO_SCORE),
        ({}, 599, 12_000_00, Refusal.SCORE_TOO_LOW),
        ({"is_student": True}, 700, 12_000_00, Refusal.STUDENT),
        ({"born_on": date(2010, 1, 1)}, 700, 12_000_00, Refusal.UNDER_AGE),
        ({"identity_verified_on": None}, 700, 12_000_00, Refusal.NOT_VERIFIED),
        ({}, 700, 200_000_01, Refusal.EXPOSURE),
    ],
)
def test_who_is_refused(person: dict[str, Any], score: int | None, amount_fen: int, refusal: Refusal) -> None:
    customer = a_customer()
    for name, given in person.items():
        setattr(customer, name, given)
    customer.save()
    with pytest.raises(LoanRefused) as refused:
        sign_loan(
            customer_id=customer.pk, wish=a_wish(amount_fen), score=score, reference="x", on=SIGNED_ON, at=AT
        )
    assert refused.value.refusals == (refusal,)


def test_whoever_is_late_anywhere_is_refused_until_it_is_paid() -> None:
    line = a_line()
    bought(line, a_merchant(), 1_000_00, date(2026, 6, 5))
    close_lines(closed_on=date(2026, 6, 30), line_ids=[line.pk])
    # 100.00 of it is due on 10 July, so late from the 11th on.
    quoted = quote_loan(wish=a_wish(1_000_00), on=date(2026, 7, 11))
    asked: dict[str, Any] = {"customer_id": line.customer_id, "quoted": quoted, "score": 700}
    assert decide_loan(on=date(2026, 7, 10), **asked) == ()
    with pytest.raises(LoanRefused, match="a payment is late") as refused:
        signed(a_wish(1_000_00), on=date(2026, 7, 11), customer_id=line.customer_id)
    assert refused.value.refusals == (Refusal.OVERDUE,)
    with translation.override("zh-hans"):
        assert refused.value.reasons == [("overdue", "有款项逾期")]
    repay(line_id=line.pk, amount_fen=100_00, reference="r", on=date(2026, 7, 11))
    assert decide_loan(on=date(2026, 7, 11), **asked) == ()
    lent(a_wish(1_000_00), customer_id=line.customer_id)
    end_day(date(2026, 7, 9))
    assert decide_loan(on=date(2026, 7, 11), **asked) == (Refusal.OVERDUE,)


def test_signing_happens_once_per_reference() -> None:
    customer = a_customer()
    asked: dict[str, Any] = {
        "customer_id": customer.pk,
        "score": 700,
        "reference": "one",
        "on": SIGNED_ON,
        "at": AT,
    }
    first = sign_loan(wish=a_wish(), **asked)
    assert sign_loan(wish=a_wish(), **asked) == first
    with pytest.raises(LoanRequestConflict):
        sign_loan(wish=a_wish(13_000_00), **asked)
    assert Loan.objects.count() == 1


def test_a_new_version_does_not_change_what_was_signed() -> None:
    loan = lent(INTEREST_FIRST)
    version = loan.terms.offer.version
    version.pk, version.effective_from, version.penalty_daily_rate = None, date(2026, 6, 20), Decimal("0.001")
    version.save(force_insert=True)
    assert loan_on(loan, date(2026, 7, 20)).accrued_penalty_fen == 0  # interest is late, no principal
    assert loan.terms.document["penalty_daily_rate"] == "0.00030000"


def test_a_signed_loan_is_cancelled_and_its_amount_is_free_again() -> None:
    loan = signed()
    cancel_loan(loan_id=loan.pk, on=SIGNED_ON)
    assert cancel_loan(loan_id=loan.pk, on=SIGNED_ON).status == "cancelled"
    assert exposures([loan.customer_id])[loan.customer_id] == 0
    with pytest.raises(LoanNotRunning):
        servicing.begin_disbursement(loan_id=loan.pk)
    assert holds()


# Disbursement.


def test_money_goes_out_once_however_often_it_is_confirmed() -> None:
    loan = signed()
    servicing.begin_disbursement(loan_id=loan.pk)
    with pytest.raises(LoanNotRunning):
        cancel_loan(loan_id=loan.pk, on=SIGNED_ON)
    first = servicing.confirm_disbursement(loan_id=loan.pk, reference="out", on=SIGNED_ON)
    assert servicing.confirm_disbursement(loan_id=loan.pk, reference="out", on=SIGNED_ON) == first
    with pytest.raises(LoanAmountRefused):
        servicing.confirm_disbursement(loan_id=loan.pk, reference="again", on=SIGNED_ON)
    assert owed(loan) == {"loan_principal": "12000.00"}
    assert exposures([loan.customer_id]) == {loan.customer_id: 12_000_00}
    assert holds()


def test_a_disbursement_that_failed_is_tried_again() -> None:
    loan = signed()
    servicing.begin_disbursement(loan_id=loan.pk)
    assert servicing.fail_disbursement(loan_id=loan.pk).status == LoanStatus.SIGNED
    servicing.begin_disbursement(loan_id=loan.pk)
    servicing.confirm_disbursement(loan_id=loan.pk, reference="out", on=SIGNED_ON)
    with pytest.raises(LoanNotRunning):
        servicing.fail_disbursement(loan_id=loan.pk)


def test_nothing_is_repaid_before_the_money_went_out() -> None:
    with pytest.raises(LoanNotRunning):
        servicing.repay(loan_id=signed().pk, amount_fen=1, reference="x", on=SIGNED_ON)


# Servicing.


def test_the_close_bills_and_income_is_booked_once_a_day() -> None:
    loan = lent(INTEREST_FIRST)
    end_days(SIGNED_ON, date(2026, 7, 9))
    assert owed(loan) == {"loan_principal": "12000.00", "interest_receivable": "216.00"}
    servicing.repay(loan_id=loan.pk, amount_fen=216_00, reference=ref(), on=date(2026, 7, 10))
    assert owed(loan) == {"loan_principal": "12000.00"}
    income = Transfer.objects.filter(credit_account_id=loan.product.interest_income_account_id)
    assert sum(each.amount_fen for each in income) == 216_00
    assert income.count() == 30
    assert holds()


def test_a_row_falls_due_without_a_new_entry_in_any_index() -> None:
    def rewritten() -> tuple[int, int]:
        """Versions of instalments that this connection wrote, and those that no index heard of."""
        return fetch_all(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'lending_instalment'"
        )[0]

    for _ in range(3):
        lent(INTEREST_FIRST)
    versions, unheard_of = rewritten()
    end_day(date(2026, 7, 9))
    assert rewritten() == (versions + 3, unheard_of + 3)


def test_what_did_not_change_is_not_written() -> None:
    loan = lent()
    with CaptureQueriesContext(connection) as said:
        servicing.repay(loan_id=loan.pk, amount_fen=1_00, reference=ref(), on=date(2026, 6, 20))
    wrote = re.findall(r'(?:INSERT INTO|UPDATE|DELETE FROM) "?([a-z_]+)', str(said.captured_queries))
    # One instalment less to come, interest that runs on; the loan itself stands as it did.
    own = ["lending_instalment", "lending_loantransaction", "lending_segment", "lending_segment"]
    assert sorted(wrote) == ["ledger_entry", "ledger_transfer", *own]


def test_all_loans_are_replayed_in_as_many_statements_as_one() -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as said:
            assert list(loans_replayed(date(2026, 7, 10))) == []
        return len(said)

    lent()
    end_day(date(2026, 7, 9))
    one = statements()
    for _ in range(3):
        lent(on=date(2026, 7, 10))
    assert statements() == one


def test_only_differences_are_posted() -> None:
    loan = lent(INTEREST_FIRST)
    end_days(SIGNED_ON, date(2026, 8, 1))
    before = Entry.objects.count()
    late = servicing.repay(
        loan_id=loan.pk, amount_fen=1_216_00, reference=ref(), on=date(2026, 8, 2), value_on=date(2026, 7, 10)
    )
    assert Entry.objects.count() == before + 1
    assert late.entry_id is not None
    entry = Entry.objects.get(pk=late.entry_id)
    assert (entry.booked_on, entry.value_on) == (date(2026, 8, 2), date(2026, 7, 10))
    assert sorted(t.amount_fen for t in Transfer.objects.filter(entry_id=entry.pk)) == [216_00, 1_000_00]
    # From 10 July on 11,000.00 bear interest: 31 days, 204.60.
    end_days(date(2026, 8, 2), date(2026, 8, 9))
    assert owed(loan) == {"loan_principal": "11000.00", "interest_receivable": "204.60"}
    assert holds()


def test_a_reversal_leaves_the_books_as_if_it_had_never_been() -> None:
    loan, other = lent(INTEREST_FIRST), lent(INTEREST_FIRST)
    end_days(SIGNED_ON, date(2026, 7, 19))
    servicing.prepay(loan_id=loan.pk, amount_fen=5_000_00, reference="p", on=date(2026, 7, 20))
    end_days(date(2026, 7, 20), date(2026, 8, 14))
    servicing.reverse(loan_id=loan.pk, undoes="p", reference="u", on=date(2026, 8, 15))
    assert owed(loan) == owed(other)

    def rows(of: Loan) -> list[dict[str, Any]]:
        return [dict(row) for row in Instalment.objects.filter(loan=of).values().order_by("n")]

    hidden = {"id": None, "loan_id": None}
    assert [row | hidden for row in rows(loan)] == [row | hidden for row in rows(other)]
    assert [s.carried for s in Segment.objects.filter(loan=loan)] == [
        s.carried for s in Segment.objects.filter(loan=other)
    ]
    with pytest.raises(LoanFactRefused):
        servicing.reverse(loan_id=loan.pk, undoes="p", reference="again", on=date(2026, 8, 15))
    with pytest.raises(LoanFactRefused):
        servicing.reverse(loan_id=loan.pk, undoes="u", reference="undo", on=date(2026, 8, 15))
    assert holds()


def test_a_payoff_takes_the_quoted_amount_and_no_less() -> None:
    loan = lent(INTEREST_FIRST)
    end_days(SIGNED_ON, date(2026, 6, 19))
    on = date(2026, 6, 20)
    assert payoff_quote(loan, on).total_fen == 12_072_00
    with pytest.raises(LoanAmountRefused, match=r"12072\.00"):
        servicing.pay_off(loan_id=loan.pk, amount_fen=12_071_99, reference="x", on=on)
    servicing.pay_off(loan_id=loan.pk, reference="end", on=on)
    assert Loan.objects.get(pk=loan.pk).status == "closed"
    assert owed(loan) == {}
    end_days(on, date(2026, 9, 10))
    assert holds()


def test_charge_off_then_write_off_books_the_loss_once() -> None:
    loan = lent(INTEREST_FIRST)
    end_days(SIGNED_ON, date(2026, 8, 1))
    on = date(2026, 8, 2)
    servicing.charge_off(loan_id=loan.pk, reference="c", on=on)
    lost = Transfer.objects.filter(debit_account_id=loan.product.loss_account_id)
    # 12,000.00, 216.00 billed, 23 days since 10 July: 165.60.
    assert sum(each.amount_fen for each in lost) == 12_381_60
    servicing.write_off(loan_id=loan.pk, reference="w", on=on)
    assert sum(each.amount_fen for each in lost.all()) == 12_381_60
    assert owed(loan) == {}
    servicing.recover(loan_id=loan.pk, amount_fen=381_60, reference="r", on=on)
    back = Transfer.objects.filter(credit_account_id=loan.product.recovery_account_id)
    assert sum(each.amount_fen for each in back) == 381_60
    assert positions([loan.claim_account_id])[loan.claim_account_id].debit_fen == 12_000_00
    end_days(on, date(2026, 9, 12))
    assert holds()


def test_what_is_held_pays_what_falls_due() -> None:
    loan = lent(a_wish(product="taobao", method="equal_principal"))
    servicing.repay(loan_id=loan.pk, amount_fen=1_500_00, reference="r", on=SIGNED_ON)
    assert owed(loan) == {"loan_principal": "12000.00"}
    end_days(SIGNED_ON, date(2026, 7, 9))
    # 1,000.00 and 30 days at 0.05 % on 12,000.00: 180.00; of 1,500.00, 320.00 is left.
    assert owed(loan) == {"loan_principal": "11000.00"}
    assert positions([loan.credit_account_id])[loan.credit_account_id].credit_fen == 320_00
    with pytest.raises(LoanAmountRefused):
        servicing.refund_credit(loan_id=loan.pk, amount_fen=320_01, reference="x", on=date(2026, 7, 10))
    servicing.refund_credit(loan_id=loan.pk, amount_fen=320_00, reference="b", on=date(2026, 7, 10))
    assert holds()


def test_late_loans_change_category() -> None:
    loan = lent(INTEREST_FIRST)
    end_days(SIGNED_ON, date(2026, 7, 10))
    loan.refresh_from_db()
    assert loan.classification == 2
    end_days(date(2026, 7, 11), date(2026, 10, 8))
    loan.refresh_from_db()
    assert (loan.classification, loan_on(loan, date(2026, 10, 9)).days_past_due) == (3, 91)
    paid = loan_on(loan, date(2026, 10, 9)).payoff.total_fen
    servicing.repay(loan_id=loan.pk, amount_fen=paid, reference=ref(), on=date(2026, 10, 9))
    loan.refresh_from_db()
    assert (loan.classification, loan.status) == (1, "closed")


def test_a_preview_writes_nothing() -> None:
    loan = lent(INTEREST_FIRST)
    seen = preview(
        loan_id=loan.pk,
        request=Request(kind=Kind.PREPAYMENT, reference="p", amount_fen=6_000_00),
        on=SIGNED_ON,
    )
    assert seen.outstanding.principal_fen == 6_000_00
    assert LoanTransaction.objects.filter(loan=loan).count() == 1


# Every service: the day and the reference are held to.
ON = date(2026, 6, 20)
SERVICES: list[tuple[Any, dict[str, Any]]] = [
    (servicing.repay, {"amount_fen": 100}),
    (servicing.prepay, {"amount_fen": 100, "strategy": Ahead.SHORTEN}),
    (servicing.charge, {"amount_fen": 100}),
    (servicing.change_rate, {"rate": Decimal("0.0004")}),
    (servicing.change_due_day, {"due_day": 25}),
    (servicing.pause, {"last_day": date(2026, 6, 30)}),
    (servicing.reschedule, {"mode": Reschedule.EXTEND, "periods": 3}),
    (servicing.charge_off, {}),
    (servicing.write_off, {}),
]


@pytest.mark.parametrize(("service", "given"), SERVICES)
def test_each_happens_once_on_a_day_of_the_loan(service: Any, given: dict[str, Any]) -> None:
    loan = lent(INTEREST_FIRST)
    end_days(SIGNED_ON, date(2026, 6, 19))
    with pytest.raises(LoanDateRefused):
        service(loan_id=loan.pk, reference="x", on=ON, value_on=SIGNED_ON - timedelta(days=1), **given)
    with pytest.raises(LoanDateRefused):
        service(loan_id=loan.pk, reference="x", on=ON, value_on=ON + timedelta(days=1), **given)
    with pytest.raises(LoanReferenceRefused):
        service(loan_id=loan.pk, reference="", on=ON, **given)
    with pytest.raises(LoanNotFound):
        service(loan_id=0, reference="x", on=ON, **given)
    first = service(loan_id=loan.pk, reference="x", on=ON, **given)
    assert service(loan_id=loan.pk, reference="x", on=ON, **given) == first
    with pytest.raises(LoanRequestConflict):
        service(loan_id=loan.pk, reference="x", on=ON, **(given | {"value_on": ON - timedelta(days=1)}))
    assert LoanTransaction.objects.filter(loan=loan).count() == 2
    assert holds()


def test_a_loan_never_gets_dearer() -> None:
    loan = lent(INTEREST_FIRST)
    with pytest.raises(LoanAmountRefused):
        servicing.change_rate(loan_id=loan.pk, rate=Decimal("0.00061"), reference="x", on=SIGNED_ON)


def test_two_wishes_differ_in_any_field() -> None:
    assert replace(a_wish(), first_due_on=date(2026, 7, 25)) != a_wish()
