"""
A gateway for demonstrations and tests. It keeps its accounts and requests in tables of its own, commits by itself as a system
elsewhere would, and misbehaves as it is told to, request by request.
"""

from __future__ import annotations

from uuid import UUID, uuid5

from django.db import transaction
from django.utils.translation import gettext as _

from payments.errors import SourceRefused
from payments.gateway import Answer, GatewayUnavailable, Instruction, Linked, Told
from payments.models import Direction, SimulatedAccount, SimulatedRequest, SimulatedScript, SourceKind
from payments.models.simulated import Behaviour

_NAMESPACE = UUID("5f5f4b0e-93d3-4a8f-8d3a-6a0d1c5b2f11")
# What a wallet or card holds when it is first linked.
FIRST_BALANCE_FEN = 5_000_00
SHOWN_DIGITS = 4


class SimulatedGateway:
    """Keeps the promises of `payments.gateway` and no others."""

    def link(self, *, owner: UUID, kind: str, account: str) -> Linked:
        """A wallet is the owner's one of its kind; a card is told by its number, of which the last digits are shown."""
        digits = account.replace(" ", "")
        if kind == SourceKind.CARD and not (
            digits.isascii() and digits.isdigit() and 12 <= len(digits) <= 19
        ):
            raise SourceRefused(_("a card number has 12 to 19 digits"), field="account")
        if kind != SourceKind.CARD:
            digits = ""
        token = f"sim-{uuid5(_NAMESPACE, f'{owner}:{kind}:{digits}').hex}"
        SimulatedAccount.objects.get_or_create(token=token, defaults={"balance_fen": FIRST_BALANCE_FEN})
        return Linked(token, f"···· {digits[-SHOWN_DIGITS:]}" if digits else "")

    def request(self, instruction: Instruction) -> Answer:
        """Does once what is asked, or what the script of the token says instead."""
        if (known := self.query(instruction.reference)) is not None:
            return known
        with transaction.atomic():
            behaviour = _next_behaviour(instruction.token)
            if behaviour != Behaviour.TIMES_OUT_BEFORE:
                _do(instruction, behaviour)
        if behaviour in (Behaviour.TIMES_OUT_BEFORE, Behaviour.TIMES_OUT_AFTER):
            raise GatewayUnavailable(f"{instruction.reference}: no answer")
        return _answer(SimulatedRequest.objects.get(pk=instruction.reference))

    def query(self, reference: str) -> Answer | None:
        """What became of a request."""
        found = SimulatedRequest.objects.filter(pk=reference).first()
        return _answer(found) if found else None


def _answer(request: SimulatedRequest) -> Answer:
    if not request.told:
        return Answer(Told.PENDING)
    if request.moved_fen:
        return Answer(Told.MOVED, request.moved_fen, request.asked_on)
    return Answer(Told.FAILED, reason=request.declined or "insufficient_funds")


def _next_behaviour(token: str) -> str:
    following = SimulatedScript.objects.select_for_update().filter(token=token).order_by("pk").first()
    if following is None:
        return Behaviour.WORKS
    following.delete()
    return following.behaviour


def _do(instruction: Instruction, behaviour: str) -> None:
    """The request and its movement, unless it has arrived before (the account's lock makes it wait for that)."""
    account = SimulatedAccount.objects.select_for_update().filter(pk=instruction.token).first()
    if SimulatedRequest.objects.filter(pk=instruction.reference).exists():
        return
    declined = "unknown_account" if account is None else "declined" if behaviour == Behaviour.FAILS else ""
    moved_fen = 0
    if account is not None and not declined:
        collects = instruction.direction == Direction.COLLECT
        moved_fen = min(account.balance_fen, instruction.amount_fen) if collects else instruction.amount_fen
        account.balance_fen += -moved_fen if collects else moved_fen
        account.save(update_fields=["balance_fen"])
    SimulatedRequest.objects.create(
        reference=instruction.reference,
        token=instruction.token,
        direction=instruction.direction,
        amount_fen=instruction.amount_fen,
        asked_on=instruction.on,
        moved_fen=moved_fen,
        declined=declined,
        told=behaviour != Behaviour.ANSWERS_LATER,
    )


def fund(*, token: str, balance_fen: int) -> None:
    """Sets what is behind a token."""
    SimulatedAccount.objects.update_or_create(token=token, defaults={"balance_fen": balance_fen})


def script(*, token: str, behaviours: list[str]) -> None:
    """What is to become of the next requests to a token, one after the other; those after them work."""
    SimulatedScript.objects.bulk_create(
        SimulatedScript(token=token, behaviour=behaviour) for behaviour in behaviours
    )


def tell(*, reference: str) -> Answer:
    """Lets a request's answer be known, and returns it as a callback would bring it. LookupError where none arrived."""
    request = SimulatedRequest.objects.filter(pk=reference).first()
    if request is None:
        raise LookupError(f"no request {reference} arrived")
    request.told = True
    request.save(update_fields=["told"])
    return _answer(request)
