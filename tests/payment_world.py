"""Lines with a bill that is due and sources to pay it from, and a gateway that does as it is told, for tests."""

from __future__ import annotations

import itertools
from datetime import date
from uuid import UUID

from huabei.models import Line
from operations.services import closing, paying
from payments import simulator
from payments.gateway import GatewayUnavailable, Instruction
from payments.models import FundingSource, PaymentOrder, SimulatedAccount, SimulatedRequest
from payments.models.orders import AT_ONCE
from payments.services.sources import add_source
from payments.simulator import SimulatedGateway
from tests.line_world import a_line, a_merchant, bought

FIRST_DAY = date(2026, 6, 5)
STATEMENT_DAY = date(2026, 7, 1)
DUE_DAY = date(2026, 7, 10)
_tokens = itertools.count(1)


def a_source(owner: UUID, balance_fen: int, *, kind: str = "card", autopay: bool = True) -> FundingSource:
    """One more source of an owner, with money behind it."""
    token = f"token-{next(_tokens)}"
    simulator.fund(token=token, balance_fen=balance_fen)
    return add_source(owner=owner, kind=kind, token=token, name=token, autopay=autopay, on=FIRST_DAY)


def billed_lines(many: int = 1, *, amount_fen: int = 1_000_00, until: date = DUE_DAY) -> list[Line]:
    """Lines on which so much was bought on 5 June and billed on 1 July, due on 10 July; the bank is on `until`."""
    lines, shop = [a_line() for _n in range(many)], a_merchant()
    closing.set_business_date(on=FIRST_DAY)
    for line in lines:
        bought(line, shop, amount_fen, FIRST_DAY)
    list(closing.close_until(on=until))
    return lines


def unpark() -> None:
    """Lets the time pass that orders wait after a try that told nothing."""
    PaymentOrder.objects.update(look_again_at=AT_ONCE)


def collect() -> None:
    """A run of the job that collects what is due, and of the workers that send it."""
    paying.collect_dues()
    unpark()
    paying.sweep()


def taken_at_the_gateway() -> int:
    """What the gateway has moved in, less what it has moved out, in fen, whoever knows of it."""
    return sum(
        request.moved_fen if request.direction == "collect" else -request.moved_fen
        for request in SimulatedRequest.objects.all()
    )


def balance(source: FundingSource) -> int:
    """What is left behind a source."""
    return SimulatedAccount.objects.get(pk=source.token).balance_fen


class LosesReplies(SimulatedGateway):
    """A gateway whose every reply is lost on its way."""

    def request(self, instruction: Instruction):  # type: ignore[no-untyped-def]
        super().request(instruction)
        raise GatewayUnavailable("lost")


class SaysNothing(LosesReplies):
    """A gateway that cannot be asked afterwards either."""

    def query(self, reference: str):  # type: ignore[no-untyped-def]
        raise GatewayUnavailable("lost")
