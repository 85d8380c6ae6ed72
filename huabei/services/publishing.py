"""
New versions of dated figures: what every one of them is checked for before it is a fact.

A version counts from a day to come, so nothing that was billed, decided or agreed goes by other figures than it did.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, transaction
from django.db.models import Model
from django.utils.translation import gettext as _

from finance.prose import as_written, is_prose_of
from huabei.errors import LineError, require_reference, require_same_request
from huabei.models.publishing import Published
from ledger.services import request_hash
from ledger.sql import one_at_a_time

LONGEST_REASON = 200

Version = TypeVar("Version", bound=Published)
Wrong = Iterable[tuple[str, str]]


class FiguresRefused(LineError):
    """Figures that no version may have; `field` names the first that is wrong, `wrong` has every one with its message."""

    code = "figures_refused"

    def __init__(self, wrong: Wrong) -> None:
        self.wrong = list(wrong)
        field, message = self.wrong[0]
        super().__init__(message, field=field)


@dataclass(frozen=True, slots=True)
class Publication:
    """From which day figures count, who publishes them ("staff:7"), why, and under which reference, which happens once."""

    effective_from: date
    by: str
    reason: str
    reference: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", as_written(self.reason))


def publish(
    version: Version,
    *,
    publication: Publication,
    on: date,
    parts: Iterable[Model] = (),
    asked: Mapping[str, Any],
    wrong: Wrong,
    deferred: tuple[str, ...] = (),
) -> Version:
    """
    The version in the database with the `parts` that refer to it, all or nothing; the first one where the reference was used
    before. One at a time of each kind. `asked` tells a repeat from another request, `wrong` finds what is wrong as it is gone
    through, while nobody else publishes, `deferred` names the constraints that look at the version and its parts together.

    Errors: FiguresRefused, ReferenceRefused, RequestConflict.
    """
    require_reference(publication.reference)
    hashed = request_hash(
        {
            "from": publication.effective_from,
            "by": publication.by,
            "reason": publication.reason,
            **asked,
        }
    )
    with transaction.atomic():
        # Until it is committed nobody else publishes of this kind, and everybody compares theirs with it.
        one_at_a_time(f"huabei.publishing:{version._meta.db_table}")
        if first := _published_before(version, publication, hashed):
            return first
        if found := [*_wrong_when(publication, on), *wrong]:
            raise FiguresRefused(found)
        version.effective_from = publication.effective_from  # type: ignore[attr-defined]
        version.published_on, version.by, version.reason = on, publication.by, publication.reason
        version.reference, version.request_hash = publication.reference, hashed
        _insert(version, parts, deferred)
    return version


def _published_before(version: Version, publication: Publication, hashed: bytes) -> Version | None:
    first: Version | None = version.__class__._default_manager.filter(reference=publication.reference).first()
    if first is not None:
        assert first.request_hash is not None
        require_same_request(first.request_hash, hashed)
        first.repeated = True
    return first


def _wrong_when(publication: Publication, on: date) -> Wrong:
    if publication.effective_from <= on:
        yield "effective_from", _("New figures count from a day to come.")
    reason = publication.reason
    if not is_prose_of(reason, least=1, most=LONGEST_REASON):
        yield (
            "reason",
            _("Say why, in at most %(most)d printable characters.") % {"most": LONGEST_REASON},
        )


def _insert(version: Published, parts: Iterable[Model], deferred: tuple[str, ...]) -> None:
    try:
        version.full_clean()
        with transaction.atomic():
            version.save(force_insert=True)
            for part in parts:
                part.save(force_insert=True)
            if deferred:
                # Has the database look now, rather than when the transaction ends.
                names = ", ".join(deferred)
                with connection.cursor() as cursor:
                    cursor.execute(f"SET CONSTRAINTS {names} IMMEDIATE; SET CONSTRAINTS {names} DEFERRED")
    except ValidationError as error:
        raise FiguresRefused(
            (field, str(message)) for field, messages in error.message_dict.items() for message in messages
        ) from error
    except DatabaseError as error:
        raise FiguresRefused([("", _("The figures do not go together."))]) from error
