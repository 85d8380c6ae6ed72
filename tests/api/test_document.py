"""The OpenAPI document is whole, and each of its examples is what really happens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command
from django.test import Client
from jsonschema import Draft202012Validator

from customers.api.notices import A_NOTICE
from customers.models import Notice
from huabei.api.campaigns import A_SHOP
from huabei.api.credit import A_SOURCE as A_SOURCE_OF_CREDIT
from huabei.api.shapes import A_LINE, A_PURCHASE
from huabei.models import LimitChange, OpeningDecision, Repayment, Settlement, SharedLine, Statement
from huabei.paying_out import request_payout_of_credit
from huabei.services.causes import CUSTOMER, Why
from huabei.services.hearings import ask_about_limit, ask_for_review
from huabei.services.instalments import spread_statement
from huabei.services.invitations import invite_by_phone
from huabei.services.lifecycle import freeze
from huabei.services.limits import change_limit
from huabei.services.opening import apply_for_line
from huabei.services.repayments import refund
from huabei.services.shares import accept, authorise_shared, invite
from lending.api.order_shapes import A_SELLER
from lending.api.shapes import A_SOURCE, FACT
from lending.models import Loan
from lending.services import servicing
from lending.services.orders import Told, settle_order
from lending.services.sellers import suspend_seller
from tests.api.world import TODAY, Api, World, pid
from tests.borrowers import repays
from tests.line_world import a_campaign
from tests.loan_world import a_seller, a_wish, at_noon, shipped, signed
from tests.payment_world import a_source
from web.api.identifiers import public_id
from web.api.reference import document

OPERATIONS = {
    said["operationId"]: (method, path, said)
    for path, methods in document()["paths"].items()
    for method, said in methods.items()
}

# Who calls an operation when nothing is said below: whoever may.
CALLERS: dict[str, Callable[[World], Api]] = {
    "a shop": World.as_shop,
    "the lender": World.as_lender,
    "a borrower": World.as_borrower,
}

# What answers with a file rather than JSON has no example.
FILES = [
    name
    for name, (_method, _path, said) in OPERATIONS.items()
    if "application/json" not in said["responses"].get("200", said["responses"].get("201"))["content"]
]

Prepared = dict[str, str]


def statement_of(world: World) -> Prepared:
    return {"statement_id": public_id("statement", Statement.objects.get(line=world.line).pk)}


def repayment_of(world: World) -> Prepared:
    repays(world.line, "300.00", on=TODAY)
    return {"repayment_id": public_id("repayment", Repayment.objects.get(line=world.line).pk)}


def notice_of(world: World) -> Prepared:
    notice = Notice.objects.get(customer=world.customer, kind="line.statement_issued")
    return {"notice_id": public_id("notice", notice.pk)}


def plan_of(world: World) -> Prepared:
    made = spread_statement(
        line_id=world.line.pk, amount_fen=600_00, periods=3, reference="plan", on=date(2026, 7, 5)
    )
    return {"plan_id": public_id("plan", made.pk)}


def campaign_of(world: World) -> Prepared:
    """One of the shop's that runs from the business date."""
    made = a_campaign(world.shop, on=TODAY, budget_fen=1_000_00)
    return {"campaign_id": public_id("campaign", made.pk)}


def loan_of(world: World) -> Prepared:
    """12,000.00 over twelve months, signed and paid out on the business date."""
    loan = signed(on=TODAY, customer_id=world.customer.pk)
    servicing.begin_disbursement(loan_id=loan.pk)
    servicing.confirm_disbursement(loan_id=loan.pk, reference="disbursed", on=TODAY)
    return {"loan_uuid": str(loan.uuid)}


def signed_loan_of(world: World) -> Prepared:
    """One that is signed and whose money was not sent yet, and a card."""
    loan = signed(on=TODAY, customer_id=world.customer.pk)
    return {"loan_uuid": str(loan.uuid), **source_of(world)}


def source_of(world: World) -> Prepared:
    return {"source": str(a_source(world.customer.pk, 0).uuid)}


def invited(world: World) -> SharedLine:
    """The stranger is invited by the borrower."""
    return invite(line_id=world.line.pk, beneficiary_id=world.stranger.pk, monthly_cap_fen=500_00, on=TODAY)


def share_of(world: World) -> Prepared:
    share = invited(world)
    accept(share_id=share.pk, beneficiary_id=world.stranger.pk, on=TODAY)
    return {"share_uuid": str(share.uuid)}


def bought_through(world: World) -> Prepared:
    real = share_of(world)
    authorise_shared(
        share_uuid=UUID(real["share_uuid"]),
        merchant_id=world.shop.pk,
        amount_fen=128_50,
        reference="through",
        on=TODAY,
    )
    return real


def invitation_of(world: World) -> Prepared:
    made = invite_by_phone(
        line_id=world.line.pk, full_name="王强", phone="13900139000", monthly_cap_fen=500_00, on=TODAY
    )
    return {"invitation_uuid": str(made.uuid)}


def credit_of(world: World) -> Prepared:
    """Credit of 200.00, and a card."""
    repays(world.line, "1200.00", on=TODAY)
    return {"A source": str(a_source(world.customer.pk, 0).uuid)}


def payout_of(world: World) -> Prepared:
    real = credit_of(world)
    request_payout_of_credit(
        line_id=world.line.pk, amount_fen=100_00, source=UUID(real["A source"]), reference="p", on=TODAY
    )
    return real


def decision_of(world: World) -> Prepared:
    """The stranger was granted a line."""
    decision = apply_for_line(customer_id=world.stranger.pk, reference="a", on=TODAY)
    assert decision.line
    return {"decision_id": public_id("opening_decision", decision.pk), A_LINE: str(decision.line.uuid)}


def refused_decision_of(world: World) -> Prepared:
    """The borrower, who has a line, was refused another one."""
    decision = apply_for_line(customer_id=world.customer.pk, reference="r", on=TODAY)
    return {"decision_id": public_id("opening_decision", decision.pk)}


def review_of(world: World) -> Prepared:
    """They asked that a person look at it again."""
    real = refused_decision_of(world)
    decision = OpeningDecision.objects.get(customer=world.customer, outcome="refused")
    ask_for_review(
        customer_id=world.customer.pk, decision_id=decision.pk, statement="x", reference="a", on=TODAY
    )
    return real


def cut_of(world: World) -> Prepared:
    """The lender cut the limit of the borrower's line to 6,000.00."""
    why = Why("risk", "staff:1", "cut")
    cut = change_limit(line_id=world.line.pk, limit_fen=6_000_00, why=why, on=TODAY)
    return {"change_id": public_id("limit_change", cut.pk)}


def limit_review_of(world: World) -> Prepared:
    """They asked that a person look at it again."""
    real = cut_of(world)
    ask_about_limit(
        customer_id=world.customer.pk,
        change_id=LimitChange.objects.latest("pk").pk,
        statement="x",
        reference="a",
        on=TODAY,
    )
    return real


def freeze_of(world: World) -> Prepared:
    """The borrower froze their line."""
    made = freeze(line_id=world.line.pk, why=Why("customer_wish", CUSTOMER, "f"), on=TODAY)
    return {"freeze_id": public_id("freeze", made.pk)}


def owes_nothing(world: World) -> Prepared:
    repays(world.line, "1000.00", on=TODAY)
    return {}


def refund_of(world: World) -> Prepared:
    refund(purchase_id=world.captured().pk, amount_fen=28_50, reference="r", on=TODAY)
    return {}


# Who spends with the line of another: the stranger.
SPENDS = ("listSharedWithMe", "acceptSharedLine", "leaveSharedLine", "listPurchasesThroughShare")


# What stands in an address, beyond the line and the purchase of 30 June.
PREPARE: dict[str, Callable[[World], Prepared]] = {
    "capturePurchase": lambda world: {"purchase_id": pid(world.authorised())},
    "voidPurchase": lambda world: {"purchase_id": pid(world.authorised())},
    "refundPurchase": lambda world: {"purchase_id": pid(world.captured())},
    "readOwnPurchase": lambda world: {"purchase_id": pid(world.captured())},
    "confirmOwnReceipt": lambda world: {"purchase_id": pid(world.paid_in_escrow())},
    "readOneSettlement": lambda world: {
        "settlement_uuid": str(Settlement.objects.filter(merchant=world.shop).latest("pk").uuid)
    },
    "readOwnStatement": statement_of,
    "reverseRepayment": repayment_of,
    "readOwnPlan": plan_of,
    "quoteOwnPayoff": plan_of,
    "payOffOwnPlan": plan_of,
    "readOwnStatementDocument": statement_of,
    "readOwnNotice": notice_of,
    "markOwnNoticeRead": notice_of,
    "markOwnNoticesRead": notice_of,
    "readOwnCredit": credit_of,
    "listOwnPayouts": payout_of,
    "payOutOwnCredit": credit_of,
    "listOwnRefunds": refund_of,
    "listOwnFreezes": freeze_of,
    "endOwnFreeze": freeze_of,
    "closeOwnLine": owes_nothing,
    "listDecisions": decision_of,
    "askForReview": refused_decision_of,
    "readOwnReview": review_of,
    "listOwnLimitChanges": cut_of,
    "askForLimitReview": cut_of,
    "readOwnLimitReview": limit_review_of,
    "listOwnDecisions": decision_of,
    "readOwnDecision": decision_of,
    "listOwnInvitations": invitation_of,
    "withdrawOwnInvitation": invitation_of,
    "listOwnShares": share_of,
    "changeOwnShareCap": share_of,
    "endOwnShare": share_of,
    "listSharedWithMe": share_of,
    "acceptSharedLine": lambda world: {"share_uuid": str(invited(world).uuid)},
    "leaveSharedLine": share_of,
    "listPurchasesThroughShare": bought_through,
}


def fact_of(world: World) -> Prepared:
    """A charge on a loan, which may be undone."""
    real = loan_of(world)
    loan = Loan.objects.get(uuid=real["loan_uuid"])
    made = servicing.charge(loan_id=loan.pk, amount_fen=10_00, reference="c", on=TODAY)
    return {**real, "fact_id": public_id(FACT, made.pk)}


def overpaid_loan_of(world: World) -> Prepared:
    real = loan_of(world)
    loan = Loan.objects.get(uuid=real["loan_uuid"])
    servicing.repay(loan_id=loan.pk, amount_fen=15_000_00, reference="r", on=TODAY)
    return real


def lost_loan_of(world: World) -> Prepared:
    real = loan_of(world)
    loan = Loan.objects.get(uuid=real["loan_uuid"])
    servicing.charge_off(loan_id=loan.pk, reference="c", on=TODAY)
    return real


def order_loan_of(world: World) -> Prepared:
    """800.00 against one order of the borrower, paid out on the business date."""
    real = order_of(world)
    wish = a_wish(800_00, product="order-loan", method="one_off", periods=1, unit="days", every=30)
    loan = signed(wish, on=TODAY, customer_id=world.customer.pk)
    servicing.begin_disbursement(loan_id=loan.pk)
    servicing.confirm_disbursement(loan_id=loan.pk, reference="disbursed", on=TODAY)
    return {**real, "loan_uuid": str(loan.uuid)}


def order_of(world: World) -> Prepared:
    """An order of the borrower, who sells, shipped the day before."""
    order = shipped(seller_of(world), 1_000_00, on=date(2026, 7, 4))
    return {"seller_id": str(world.customer.pk), "order_reference": order.reference}


def seller_of(world: World) -> UUID:
    return a_seller(world.customer.pk)


def suspended_seller_of(world: World) -> Prepared:
    seller = seller_of(world)
    suspend_seller(seller_id=seller, cause="complaints", reference="s", by="platform", on=TODAY)
    return {"seller_id": str(seller)}


def proceeds_prepared(world: World) -> Prepared:
    real = order_loan_of(world)
    told = Told(order=real["order_reference"], reference="s", happened_at=at_noon(TODAY), amount_fen=1_000_00)
    settle_order(seller_id=world.customer.pk, told=told, on=TODAY)
    return real


PREPARE |= {name: campaign_of for name, (_m, path, _said) in OPERATIONS.items() if "campaigns/" in path}
PREPARE |= {name: loan_of for name, (_method, path, _said) in OPERATIONS.items() if "{loan_uuid}" in path}
PREPARE |= {"sendOwnLoan": signed_loan_of, "giveUpOwnLoan": signed_loan_of, "signOwnLoan": source_of}
PREPARE |= {"undoLoanTransaction": fact_of, "previewUndoLoanTransaction": fact_of}
PREPARE |= {"refundLoanCredit": overpaid_loan_of, "previewRefundLoanCredit": overpaid_loan_of}
PREPARE |= {"recordLoanRecovery": lost_loan_of, "previewRecordLoanRecovery": lost_loan_of}
PREPARE |= {
    "listSellerOrders": order_of,
    "suspendSeller": lambda world: {"seller_id": str(seller_of(world))},
    "reinstateSeller": suspended_seller_of,
    "tellOrderShipped": lambda world: {"seller_id": str(seller_of(world))},
    "tellOrderConfirmed": order_of,
    "tellOrderSettled": order_loan_of,
    "tellOrderRefunded": order_loan_of,
    "readOwnOrderAmounts": order_of,
    "listOwnPledges": order_loan_of,
    "undoOrderSettlement": proceeds_prepared,
    "listOwnProceeds": proceeds_prepared,
}


def prepared(operation: str, world: World) -> Prepared:
    """What stands in the address of an operation, of things that really exist and are the caller's own."""
    real = {"line_uuid": str(world.line.uuid), "purchase_id": pid(world.bought)}
    return real | (PREPARE[operation](world) if operation in PREPARE else {})


def caller(operation: str, world: World) -> Api:
    """Somebody who may call it; whoever applies for a line has none yet."""
    if operation in ("applyForLine", "readOffer", "listOwnDecisions", "readOwnDecision", *SPENDS):
        return world.as_stranger()
    text = OPERATIONS[operation][2]["description"]
    return next(make(world) for who, make in CALLERS.items() if f"Called by {who}" in text)


def examples(said: dict[str, Any]) -> tuple[Any, str, Any]:
    """The body sent, and the status and body answered, of an operation's example."""
    sent = said.get("requestBody", {}).get("content", {}).get("application/json", {}).get("examples", {})
    body = next((each["value"] for each in sent.values()), None)
    for status, answer in said["responses"].items():
        for each in answer.get("content", {}).get("application/json", {}).get("examples", {}).values():
            return body, status, each["value"]
    raise AssertionError("no example of an answer")


def shape(value: Any) -> Any:
    """What a value is made of: names, and kinds of what stands under them; lists by their first."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def similar(documented: Any, real: Any) -> bool:
    """Whether a real answer has the documented shape; what may be null and what lists hold may differ in that only."""
    if isinstance(documented, dict) and isinstance(real, dict):
        return documented.keys() == real.keys() and all(similar(documented[k], real[k]) for k in documented)
    if isinstance(documented, list) and isinstance(real, list):
        return not (documented and real) or similar(documented[0], real[0])
    return documented is None or real is None or type(documented) is type(real)


def with_real(value: Any, real: dict[str, str]) -> Any:
    """A documented body with what there really is in place of what the document calls it."""
    if isinstance(value, dict):
        return {name: with_real(inner, real) for name, inner in value.items()}
    return real.get(value, value) if isinstance(value, str) else value


def test_the_document_is_made_without_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn")
    assert "openapi: 3" in capsys.readouterr().out


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_says_what_it_does_who_may_and_what_can_go_wrong(operation: str) -> None:
    said = OPERATIONS[operation][2]
    assert said["summary"]
    assert "Called by " in said["description"]
    assert len(said["description"]) > 60, "a sentence"
    assert {"400", "401", "403", "406", "429"} <= said["responses"].keys()
    for status, answer in said["responses"].items():
        # What is refused is a problem; that nothing changed has no body.
        assert status[0] == "2" or status == "304" or "application/problem+json" in answer["content"]
    assert "examples" in str(said.get("requestBody", "examples"))
    if operation not in FILES:
        examples(said)


@pytest.mark.parametrize("operation", FILES)
def test_a_file_is_what_the_document_says_it_is(operation: str, world: World) -> None:
    _method, path, said = OPERATIONS[operation]
    (content_type,) = said["responses"]["200"]["content"]
    address = path.removeprefix("/api/v1/").format(**prepared(operation, world))
    answer = caller(operation, world).get(address)
    assert (answer.status_code, answer["Content-Type"]) == (200, content_type)
    assert answer.content[:5] == b"%PDF-"


@pytest.mark.parametrize("operation", [name for name in OPERATIONS if name not in FILES])
def test_every_example_is_what_happens(operation: str, world: World) -> None:
    method, path, said = OPERATIONS[operation]
    real = prepared(operation, world)
    names = {A_LINE: real["line_uuid"], A_PURCHASE: real["purchase_id"]}
    names[A_SOURCE_OF_CREDIT] = real.get("A source", A_SOURCE_OF_CREDIT)
    names[A_NOTICE] = real.get("notice_id", A_NOTICE)
    names[A_SELLER] = str(world.customer.pk)
    names[A_SHOP] = str(world.shop.pk)
    names[A_SOURCE] = real.get("source", A_SOURCE)
    sent, status, documented = examples(said)
    address = path.removeprefix("/api/v1/").format(**real)
    api = caller(operation, world)
    answer = api.get(address) if method == "get" else api.post(address, with_real(sent, names))
    assert str(answer.status_code) == status, answer.content.decode()
    assert answer["Content-Type"] == "application/json"
    assert similar(documented, answer.json()), (shape(documented), shape(answer.json()))
    schema = said["responses"][status]["content"]["application/json"]["schema"]
    check(schema, answer.json())
    check(schema, documented)


def check(schema: dict[str, Any], value: Any) -> None:
    """Fails unless a value is what the document's schema says."""
    whole = {**without_nullable(schema), "components": without_nullable(document()["components"])}
    errors = [error.message for error in Draft202012Validator(whole).iter_errors(value)]
    assert errors == []


def without_nullable(schema: Any) -> Any:
    """A schema of OpenAPI 3.0 as JSON Schema: `nullable` is a type of its own there."""
    if isinstance(schema, list):
        return [without_nullable(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: without_nullable(inner) for name, inner in schema.items() if name != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if schema.get("nullable") is True else plain


@pytest.mark.django_db
def test_the_document_and_its_page_are_served_to_anybody(client: Client) -> None:
    served = client.get("/api/v1/schema/")
    assert served.json() == document()
    page = client.get("/api/v1/docs/", headers={"Accept-Language": "en"}).content.decode()
    assert "POST /api/v1/authorisations/" in page
    assert "purchases:write" in page
    assert "<script" not in page
    assert "cdn" not in page.lower()
