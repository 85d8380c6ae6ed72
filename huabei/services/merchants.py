"""What staff say about merchants: suspended and reinstated, when their purchases post, which categories may be bought."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from finance.errors import Kind
from huabei.errors import DateRefused, LineError, MerchantNotAccepting, require_same_request
from huabei.models import CategoryRule, Concern, Merchant, MerchantChange, MerchantChangeKind, Posting
from huabei.services.causes import Why, require_why
from ledger.sql import one_at_a_time

FURTHEST = timedelta(days=366)
"""How far ahead something may be said: a wrong year, said once and never taken back, must not stand for good."""


class AlreadySuspended(LineError):
    """The merchant is suspended already."""

    code = "already_suspended"
    kind = Kind.CONFLICT


class NotSuspended(LineError):
    """The merchant is not suspended."""

    code = "not_suspended"
    kind = Kind.CONFLICT


class RuleRefused(LineError):
    """A rule of a category that changes nothing, or has no name."""

    code = "rule_refused"


def suspend(*, merchant_id: UUID, why: Why, on: date) -> MerchantChange:
    """
    Suspends a merchant: nothing more is authorised there, and nothing is paid out to it.

    What was authorised may be captured, confirmed, voided and refunded as before: customers were promised it, and what it
    brings goes on being settled, and is held back until the merchant is reinstated. The reference happens once per merchant.
    Errors: AlreadySuspended, CauseRefused, MerchantNotAccepting for a shop that never took lines, ReferenceRefused,
    RequestConflict.
    """
    return _switch(merchant_id, why, on, MerchantChangeKind.SUSPENDED, Concern.SUSPEND)


def reinstate(*, merchant_id: UUID, why: Why, on: date) -> MerchantChange:
    """
    Ends a merchant's suspension: what was held back is paid out. The reference happens once per merchant.

    Errors: CauseRefused, MerchantNotAccepting, NotSuspended, ReferenceRefused, RequestConflict.
    """
    return _switch(merchant_id, why, on, MerchantChangeKind.REINSTATED, Concern.REINSTATE)


def _switch(
    merchant_id: UUID, why: Why, on: date, kind: MerchantChangeKind, concern: Concern
) -> MerchantChange:
    asked = {"kind": kind.value}
    with transaction.atomic():
        merchant = _locked(merchant_id)
        if first := _before(merchant, why, asked):
            return first
        require_why(why, concern, on)
        accepts = kind is MerchantChangeKind.REINSTATED
        if merchant.is_accepting == accepts:
            if accepts:
                raise NotSuspended(_("the merchant is not suspended"))
            raise AlreadySuspended(_("the merchant is suspended already"))
        merchant.is_accepting = accepts
        merchant.save(update_fields=["is_accepting"])
        return MerchantChange.objects.create(
            merchant=merchant, kind=kind, changed_on=on, effective_from=on, **why.fields(asked)
        )


def _locked(merchant_id: UUID) -> Merchant:
    """The merchant, locked; those who buy there do not wait for it. Error: MerchantNotAccepting."""
    merchant = Merchant.objects.select_for_update(no_key=True).filter(pk=merchant_id).first()
    if merchant is None:
        raise MerchantNotAccepting(_("this shop does not accept credit lines"), field="merchant")
    return merchant


def _before(merchant: Merchant, why: Why, asked: dict[str, str]) -> MerchantChange | None:
    """What this very request did before. Error: RequestConflict when it was another."""
    first = MerchantChange.objects.filter(merchant=merchant, reference=why.reference).first()
    if first is not None:
        require_same_request(first.request_hash, why.hash(asked))
    return first


def change_posting(
    *, merchant_id: UUID, posting: Posting, effective_from: date, why: Why, on: date
) -> MerchantChange:
    """
    From a day on, a merchant's purchases post at payment or on confirmed receipt. What was authorised before stays as it was.

    The day is from this one to a year from now, each said once. The reference happens once per merchant. Errors:
    CauseRefused, DateRefused, MerchantNotAccepting, ReferenceRefused, RequestConflict.
    """
    asked = {"posting": posting.value, "effective_from": str(effective_from)}
    with transaction.atomic():
        merchant = _locked(merchant_id)
        if first := _before(merchant, why, asked):
            return first
        require_why(why, Concern.POSTING, on)
        said = merchant.changes.filter(kind=MerchantChangeKind.POSTING)
        _require_day(effective_from, said.values_list("effective_from", flat=True), on)
        return MerchantChange.objects.create(
            merchant=merchant,
            kind=MerchantChangeKind.POSTING,
            changed_on=on,
            effective_from=effective_from,
            posting=posting,
            **why.fields(asked),
        )


def _require_day(day: date, said: Collection[date], on: date) -> None:
    """DateRefused for a day that is over, more than a year ahead, or one for which it was `said`."""
    if not on <= day <= on + FURTHEST:
        raise DateRefused(_("must be from today to a year from now"), field="effective_from")
    if day in said:
        raise DateRefused(_("it was said for this day already: give another day"), field="effective_from")


def rule_category(
    *, category: str, name: str, name_zh: str, is_allowed: bool, effective_from: date, why: Why, on: date
) -> CategoryRule:
    """
    From a day on, shops of a category may or may not be paid by line. What was authorised before stays.

    The day is from this one to a year from now, each with one rule, which holds until the next one's day. The reference
    happens once per category. Errors: CauseRefused, DateRefused, ReferenceRefused, RequestConflict, RuleRefused.
    """
    asked = {
        "is_allowed": is_allowed,
        "effective_from": str(effective_from),
        "name": name,
        "name_zh": name_zh,
    }
    with transaction.atomic():
        one_at_a_time(f"huabei.category:{category}")
        rules = list(CategoryRule.objects.filter(category=category).order_by("-effective_from"))
        first = next((rule for rule in rules if rule.reference == why.reference), None)
        if first is not None:
            require_same_request(first.request_hash, why.hash(asked))
            return first
        require_why(why, Concern.CATEGORY, on)
        for field, text in (("category", category), ("name", name), ("name_zh", name_zh)):
            if not text.strip() or not text.isprintable():
                raise RuleRefused(_("a name is needed"), field=field)
        _require_day(effective_from, [rule.effective_from for rule in rules], on)
        before = next((rule for rule in rules if rule.effective_from <= effective_from), None)
        if is_allowed == (before is None or before.is_allowed):
            raise RuleRefused(_("this is what holds already"), field="is_allowed")
        return CategoryRule.objects.create(
            category=category,
            name=name,
            name_zh=name_zh,
            is_allowed=is_allowed,
            effective_from=effective_from,
            **why.fields(asked),
        )
