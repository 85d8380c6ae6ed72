"""Which lines staff mean, and what freezing them or ending freezes would come to: read before, by the rule that does it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from huabei.models import Line, LineStatus
from huabei.services.bulk import fingerprint
from huabei.services.lifecycle import LEFT_OUT, NOT_THAWED
from ledger.sql import fetch_all

SAMPLE = 10
REFUSALS = 50

WHY_LEFT_OUT = {
    "line_not_active": _("the line is closed"),
    "already_frozen": _("the line is frozen for this cause already"),
    "not_frozen": _("the line is not frozen for this cause"),
    "line_not_found": _("there is no such line"),
}

_NUMBER = re.compile(r"#?([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Chosen:
    """Lines by number, in order, and what was written that names none."""

    line_ids: tuple[int, ...]
    unknown: tuple[str, ...] = ()


def named_lines(text: str) -> Chosen:
    """The lines that a text names, by number or identifier, with blanks, commas or semicolons between."""
    words = list(dict.fromkeys(word for word in re.split(r"[\s,;，；、]+", text) if word))
    numbers = {word: int(match[1]) for word in words if (match := _NUMBER.fullmatch(word))}
    uuids = {word: uuid for word in words if word not in numbers and (uuid := _uuid(word))}
    by_number = set(Line.objects.filter(pk__in=numbers.values()).values_list("pk", flat=True))
    by_uuid = dict(Line.objects.filter(uuid__in=uuids.values()).values_list("uuid", "pk"))
    found = {word: number for word, number in numbers.items() if number in by_number}
    found |= {word: by_uuid[uuid] for word, uuid in uuids.items() if uuid in by_uuid}
    return Chosen(tuple(sorted(set(found.values()))), tuple(word for word in words if word not in found))


def _uuid(word: str) -> UUID | None:
    try:
        return UUID(word)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Counted:
    """How many lines, with what is drawn and held on them together."""

    lines: int = 0
    drawn_fen: int = 0
    held_fen: int = 0

    def __add__(self, other: Counted) -> Counted:
        return Counted(
            self.lines + other.lines, self.drawn_fen + other.drawn_fen, self.held_fen + other.held_fen
        )


@dataclass(frozen=True, slots=True)
class Shown:
    """One line of a preview. `why` is empty where it is not left out."""

    line_id: int
    customer: str
    status: Any
    drawn_fen: int
    held_fen: int
    why: Any


@dataclass(frozen=True, slots=True)
class BulkPreview:
    """
    What an act on chosen lines would come to. `held` are those of `meant` that another cause holds as well; `refused` is
    complete up to `REFUSALS`; `seen` tells whether it is still the same lines.
    """

    meant: Counted
    held: Counted
    left_out: Counted
    unknown: tuple[str, ...]
    sample: list[Shown]
    refused: list[Shown]
    seen: str


_STANDS = """
WITH chosen AS (
    SELECT line.*, /* left out */ AS why,
           EXISTS (SELECT FROM huabei_freeze AS other
                   WHERE other.line_id = line.id AND other.cause <> %(cause)s AND other.thawed_on IS NULL) AS is_held
    FROM huabei_line AS line WHERE line.id = ANY(%(lines)s)
), stands AS (
    SELECT chosen.id, customer_id, status, why, is_held, drawn.fen AS drawn_fen,
           commitment.debits_pending_fen AS held_fen
    FROM chosen
    JOIN ledger_account AS commitment ON commitment.id = commitment_account_id
    CROSS JOIN LATERAL (
        SELECT sum(debits_posted_fen - credits_posted_fen)::bigint AS fen FROM ledger_account
        WHERE id IN (unbilled_account_id, billed_account_id, instalment_account_id)
    ) AS drawn
)
"""

_COUNTS = """
SELECT why IS NOT NULL, is_held, count(*), sum(drawn_fen)::bigint, sum(held_fen)::bigint
FROM stands GROUP BY 1, 2
"""

_SHOWN = """
SELECT stands.id, customer.full_name, status, drawn_fen, held_fen, coalesce(why, '')
FROM stands JOIN customers_customer AS customer ON customer.id = customer_id
WHERE (why IS NOT NULL) = %(refused)s ORDER BY drawn_fen DESC, stands.id LIMIT %(most)s
"""


def preview_freeze(chosen: Chosen, cause: str) -> BulkPreview:
    """What freezing these lines for this cause would come to now. The sample is of those on which most is drawn."""
    return _preview(chosen, cause, LEFT_OUT)


def preview_thaw(chosen: Chosen, cause: str) -> BulkPreview:
    """What ending the freezes of these lines for this cause would come to now, likewise."""
    return _preview(chosen, cause, NOT_THAWED)


def _preview(chosen: Chosen, cause: str, left_out: str) -> BulkPreview:
    stands = _STANDS.replace("/* left out */", left_out)
    parameters = {"lines": list(chosen.line_ids), "cause": cause}
    counts = {(out, held): Counted(*rest) for out, held, *rest in fetch_all(stands + _COUNTS, parameters)}
    none = Counted()
    held = counts.get((False, True), none)
    return BulkPreview(
        meant=counts.get((False, False), none) + held,
        held=held,
        left_out=counts.get((True, False), none) + counts.get((True, True), none),
        unknown=chosen.unknown,
        sample=_shown(stands, {**parameters, "refused": False, "most": SAMPLE}),
        refused=_shown(stands, {**parameters, "refused": True, "most": REFUSALS}),
        seen=fingerprint(chosen.line_ids),
    )


def _shown(stands: str, parameters: dict[str, Any]) -> list[Shown]:
    return [
        Shown(line_id, name, LineStatus(status).label, drawn, held, WHY_LEFT_OUT.get(why, ""))
        for line_id, name, status, drawn, held, why in fetch_all(stands + _SHOWN, parameters)
    ]
