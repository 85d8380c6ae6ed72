"""
The port to whoever moves the money: what is asked, what is answered, and which gateway this installation has.

A gateway keeps three promises. Asked any number of times under one reference, it moves money once. What it once answered for
good, moved or failed, it answers ever after. Asked about a reference that never arrived, it says so. All else may go wrong:
it may be silent, slow, tell the same thing twice, or tell things in another order than they happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from payments.errors import GatewayNotConfigured


class Told(StrEnum):
    """What a gateway says of a request."""

    PENDING = "pending"
    MOVED = "moved"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Instruction:
    """One movement to make: from the source when money is collected, to it when it is paid out."""

    reference: str
    direction: str
    token: str
    amount_fen: int
    on: date


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What became of a request. A collection may move less than was asked, where no more was there.

    `moved_on` is the day on which the money moved, whenever the answer is given.
    """

    told: Told
    moved_fen: int = 0
    moved_on: date | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Linked:
    """A wallet or card that a gateway knows: by its own token, and by what may be shown of it."""

    token: str
    name: str


class GatewayUnavailable(Exception):
    """Nothing is known: the request may have arrived or not, and money may have moved or not."""


class Gateway(Protocol):
    """Whoever moves the money."""

    def link(self, *, owner: UUID, kind: str, account: str) -> Linked:
        """The token of an owner's wallet or card; the same again for the same. Error: GatewayUnavailable."""

    def request(self, instruction: Instruction) -> Answer:
        """Asks for one movement; the reference makes it happen once. Error: GatewayUnavailable."""

    def query(self, reference: str) -> Answer | None:
        """What became of a request; None when it never arrived. Error: GatewayUnavailable."""


def is_configured() -> bool:
    """Whether this installation has a gateway."""
    return bool(settings.PAYMENT_GATEWAY)


def gateway() -> Gateway:
    """The gateway that the setting names. Error: GatewayNotConfigured where it names none."""
    if not is_configured():
        raise GatewayNotConfigured(_("no payment gateway is configured: set PAYMENT_GATEWAY"))
    found: Gateway = import_string(settings.PAYMENT_GATEWAY)()
    return found
