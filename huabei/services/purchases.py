"""Authorising purchases. What follows is in `captures`, `releases` and `refunds`, and is found here too."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from customers.models import Shop
from huabei import selectors
from huabei.errors import (
    CampaignOver,
    CategoryNotAllowed,
    InstalmentsNotOffered,
    LimitExceeded,
    LineError,
    LineNotActive,
    LineNotFound,
    MerchantNotAccepting,
    MerchantNotAllowed,
    NotAuthorised,
    PurchaseNotFound,
    require_amount,
    require_reference,
    require_same_request,
)
from huabei.models import Line, LineStatus, Merchant, Purchase, PurchaseState
from huabei.services.captures import capture, capture_many
from huabei.services.releases import expire_holds, void
from ledger.chart import CAMPAIGN_CONTROL, COMMITMENT_CONTROL, MERCHANT_PAYABLE, MERCHANT_SETTLEMENT
from ledger.selectors import position
from ledger.services import CapExceeded, constraint_name, ledger_refusals, open_account, request_hash
from ledger.sql import fetch_one, fetch_one_prepared

__all__ = [
    "Authorisation",
    "CampaignOver",
    "InstalmentsNotOffered",
    "LimitExceeded",
    "MerchantNotAccepting",
    "MerchantNotAllowed",
    "NotAuthorised",
    "PurchaseNotFound",
    "accept_merchant",
    "authorise",
    "authorise_held",
    "capture",
    "capture_many",
    "expire_holds",
    "void",
]

CONTROL = COMMITMENT_CONTROL.control_id


@dataclass(frozen=True, slots=True)
class Authorisation:
    """A reservation of `amount_fen` on the line, and its state now. `repeated` when the reference was used before."""

    purchase_id: int
    line_id: int
    amount_fen: int
    state: str
    authorised_on: date
    expires_on: date
    repeated: bool = False


def accept_merchant(*, shop: Shop) -> Merchant:
    """Lets a shop take payments by line; what it is owed has control accounts of its own. Repeating changes nothing."""
    with transaction.atomic():
        merchant, _created = Merchant.objects.get_or_create(
            shop=shop,
            defaults={
                "payable_account_id": open_account(account_type=MERCHANT_PAYABLE, owner=shop.pk),
                "settlement_account_id": open_account(account_type=MERCHANT_SETTLEMENT, owner=shop.pk),
            },
        )
    return merchant


# One statement: the reservation on the capped account, its entry and the purchase, or none of them. The trigger on transfers
# moves the counter, and the account's CHECK refuses what the limit does not cover. No ON CONFLICT: a repeated reference must
# undo the reservation, which the unique violation does. Numbers are drawn first, so that no insert waits for another's;
# sequences by name, since asking the catalogue for it costs as much as an insert. {day} is the business date: the date
# that is given, or the row that keeps it, held; {which} picks the line; the rest is there where instalments are asked for.
# A merchant that is suspended, or whose category may not be paid by line on this day, is none. Where its purchases post on
# receipt, the purchase does not expire but is taken as received on that day.
_AUTHORISE_ON = """
WITH day (today) AS ({day}), line AS (
    SELECT id, today, commitment_account_id, nextval('huabei_purchase_id_seq') AS purchase_id,
           nextval('ledger_entry_id_seq') AS entry_id, nextval('ledger_transfer_id_seq') AS hold_id, on_receipt{chosen}
    FROM huabei_line CROSS JOIN day CROSS JOIN LATERAL (
        SELECT coalesce((SELECT posting = 'receipt' FROM huabei_merchantchange AS change
                         WHERE change.merchant_id = merchant.shop_id AND kind = 'posting' AND effective_from <= today
                         ORDER BY effective_from DESC LIMIT 1), false) AS on_receipt
        FROM huabei_merchant AS merchant JOIN customers_shop AS shop ON shop.id = merchant.shop_id
        WHERE merchant.shop_id = %(merchant)s AND is_accepting
          AND coalesce((SELECT is_allowed FROM huabei_categoryrule AS rule
                        WHERE rule.category = shop.category AND effective_from <= today
                        ORDER BY effective_from DESC LIMIT 1), true)) AS merchant{offered}
    WHERE {which} AND status = 'active'
), entry AS (
    INSERT INTO ledger_entry (id, reference, event, booked_on, value_on)
    SELECT entry_id, 'purchase:' || purchase_id || ':authorised', 'purchase.authorised', today, today FROM line
), hold AS (
    INSERT INTO ledger_transfer (id, entry_id, kind, debit_account_id, credit_account_id, amount_fen, booked_on)
    SELECT hold_id, entry_id, 1, commitment_account_id, %(control)s, %(amount)s, today FROM line
){choice}
INSERT INTO huabei_purchase (id, line_id, merchant_id, reference, request_hash, amount_fen, state, hold_transfer_id,
                             authorised_on, expires_on, posts_on_receipt)
SELECT purchase_id, id, %(merchant)s, %(reference)s, %(hash)s, %(amount)s, 'authorised', hold_id, today,
       today + CASE WHEN on_receipt
           THEN (SELECT receipt_days FROM huabei_merchantterms WHERE effective_from <= today
                 ORDER BY effective_from DESC LIMIT 1)
           ELSE (SELECT hold_days FROM huabei_terms WHERE effective_from <= today ORDER BY effective_from DESC LIMIT 1) END,
       on_receipt
FROM line
RETURNING id, line_id, authorised_on, expires_on
"""
# The date that is given.
_GIVEN = "SELECT %(on)s::date"
_AT_ONCE = {"chosen": "", "offered": "", "choice": ""}
# What the customer agrees to: the terms of the day, and one more row that says so. Not offered, there is no line to find.
_IN_INSTALMENTS = {
    "chosen": ", offered.*",
    "offered": """ CROSS JOIN LATERAL (
        SELECT terms_id, periods, fee_rate, early_payoff
        FROM huabei_instalmentoption AS option JOIN huabei_instalmentterms AS terms ON terms.id = option.terms_id
        WHERE option.periods = %(periods)s AND terms.effective_from =
            (SELECT max(effective_from) FROM huabei_instalmentterms WHERE effective_from <= day.today)) AS offered""",
    "choice": """, choice AS (
    INSERT INTO huabei_planchoice (purchase_id, terms_id, periods, fee_rate, payoff_rule)
    SELECT purchase_id, terms_id, periods, fee_rate, early_payoff FROM line
)""",
}
# The merchant pays the fee: a campaign of this day, size and number is needed, and its budget covers the fee of all of it.
# It is locked, since two counters move here at once: captures and releases move them one after the other.
_UNDER_A_CAMPAIGN = {
    "chosen": f"{_IN_INSTALMENTS['chosen']}, campaign.*, round_fen(%(amount)s * offered.fee_rate) AS subsidy_fen",
    "offered": " ".join(
        (
            _IN_INSTALMENTS["offered"],
            """CROSS JOIN LATERAL (
        SELECT campaign.id AS campaign_id, budget_account_id FROM huabei_campaign AS campaign
        WHERE campaign.id = %(campaign)s AND campaign.merchant_id = %(merchant)s AND ended_on IS NULL
          AND day.today BETWEEN starts_on AND ends_on AND %(amount)s BETWEEN smallest_fen AND largest_fen
          AND %(periods)s = ANY(campaign.periods) FOR NO KEY UPDATE) AS campaign""",
        )
    ),
    "choice": """, choice AS (
    INSERT INTO huabei_planchoice (purchase_id, terms_id, periods, fee_rate, payoff_rule, campaign_id, subsidy_fen)
    SELECT purchase_id, terms_id, periods, fee_rate, early_payoff, campaign_id, subsidy_fen FROM line
), promised AS (
    INSERT INTO ledger_transfer (entry_id, kind, debit_account_id, credit_account_id, amount_fen, booked_on)
    SELECT entry_id, 0, budget_account_id, %(campaigns)s, subsidy_fen, today FROM line WHERE subsidy_fen > 0
)""",
}
_AUTHORISE = _AUTHORISE_ON.format(day=_GIVEN, which="id = %(line)s", **_AT_ONCE)


# Through a share: the owner's line, and the row of its month and who spends, which refuses what its cap does not cover.
_SHARED = _AUTHORISE_ON.format(
    day=_GIVEN,
    which="id = (SELECT line_id FROM huabei_sharedline WHERE uuid = %(line)s AND status = 'active')",
    chosen="",
    offered="",
    choice=""", month AS (
    INSERT INTO huabei_sharemonth (line_id, beneficiary_id, month, cap_fen, wanted_cap_fen, spent_fen)
    SELECT line_id, beneficiary_id, date_trunc('month', today)::date, monthly_cap_fen, monthly_cap_fen, %(amount)s
    FROM line JOIN huabei_sharedline AS share ON share.uuid = %(line)s
    ON CONFLICT (line_id, beneficiary_id, month) DO UPDATE
        SET spent_fen = huabei_sharemonth.spent_fen + excluded.spent_fen
    RETURNING month
), shared AS (
    INSERT INTO huabei_sharedpurchase (purchase_id, share_id, month)
    SELECT purchase_id, share.id, month FROM line, month, huabei_sharedline AS share WHERE share.uuid = %(line)s
)""",
)


@cache
def _authorise_sql(day: str, which: str, *, in_instalments: bool, under_a_campaign: bool = False) -> str:
    chosen = _UNDER_A_CAMPAIGN if under_a_campaign else _IN_INSTALMENTS if in_instalments else _AT_ONCE
    return _AUTHORISE_ON.format(day=day, which=which, **chosen)


def authorise(
    *,
    line_id: int,
    merchant_id: UUID,
    amount_fen: int,
    reference: str,
    on: date,
    instalments: int | None = None,
    campaign_id: int | None = None,
) -> Authorisation:
    """
    Reserves `amount_fen` on the line for a merchant, in one SQL statement. With `instalments`, what is captured of it will be
    paid in so many, on the terms of this day; under a campaign of the merchant's, which then pays their fee.

    `reference` is the merchant's own and happens once: the same request again answers with the first authorisation, another
    request under it is refused. Errors: AmountRefused, CampaignOver, InstalmentsNotOffered, LimitExceeded, LineNotFound,
    LineNotActive, CategoryNotAllowed, MerchantNotAccepting, MerchantNotAllowed while it is suspended, ReferenceRefused,
    RequestConflict; each leaves everything as it was.
    """
    sql = _AUTHORISE
    if instalments is not None:
        sql = _authorise_sql(
            _GIVEN,
            "id = %(line)s",
            in_instalments=True,
            under_a_campaign=campaign_id is not None,
        )
    return _authorised(
        sql, {"id": line_id}, merchant_id, amount_fen, reference, instalments, campaign_id, _GIVEN, on=on
    )


def authorise_held(
    *,
    line_uuid: UUID,
    merchant_id: UUID,
    amount_fen: int,
    reference: str,
    day: str,
    instalments: int | None = None,
    campaign_id: int | None = None,
) -> Authorisation:
    """
    The same for whoever knows the line by its identifier and is no transaction: `day` is a SELECT of the business date that
    holds it, so that finding the line, the date and the reservation are one statement.
    """
    sql = _authorise_sql(
        day,
        "uuid = %(line)s",
        in_instalments=instalments is not None,
        under_a_campaign=campaign_id is not None,
    )
    return _authorised(
        sql, {"uuid": line_uuid}, merchant_id, amount_fen, reference, instalments, campaign_id, day
    )


def authorise_through(
    *, share_uuid: UUID, merchant_id: UUID, amount_fen: int, reference: str, on: date
) -> Authorisation:
    """What `shares.authorise_shared` does, but for its errors."""
    return _authorised(
        _SHARED, {"shares__uuid": share_uuid}, merchant_id, amount_fen, reference, None, None, _GIVEN, on=on
    )


def _authorised(
    sql: str,
    line: dict[str, Any],
    merchant_id: UUID,
    amount_fen: int,
    reference: str,
    instalments: int | None,
    campaign_id: int | None,
    day: str,
    **on: date,
) -> Authorisation:
    require_amount(amount_fen)
    require_reference(reference)
    (which,) = line.values()
    # Which campaign pays is found, not asked for: a repeat is the same request also when the campaign has ended since.
    chosen = {} if instalments is None else {"instalments": instalments}
    asked = request_hash({"line": which, "amount": amount_fen} | chosen)
    parameters = {
        "line": which,
        "merchant": merchant_id,
        "amount": amount_fen,
        "reference": reference,
        "hash": asked,
        "control": CONTROL,
        "periods": instalments,
        "campaign": campaign_id,
        "campaigns": CAMPAIGN_CONTROL.control_id,
        **on,
    }
    try:
        row = _one_statement(sql, parameters)
    except CapExceeded as error:
        # Under a campaign two accounts are capped: where the limit covers the amount, it was the budget.
        if campaign_id is not None and _available_fen(line) >= amount_fen:
            raise CampaignOver(
                _("the budget of the campaign does not cover the fee"), field="campaign"
            ) from error
        raise LimitExceeded(_("the available limit does not cover this amount"), field="amount") from error
    except IntegrityError as error:
        if constraint_name(error) != "purchase_once_per_reference":
            raise
        row = None
    if row is not None:
        purchase_id, line_id, authorised_on, expires_on = row
        return Authorisation(
            purchase_id, line_id, amount_fen, PurchaseState.AUTHORISED, authorised_on, expires_on
        )
    # A repeat is answered as before, also when the line was frozen or the shop left since.
    first = Purchase.objects.filter(merchant_id=merchant_id, reference=reference).first()
    if first is None:
        raise _why_not(line, merchant_id, campaign_id, fetch_one(day, on))
    require_same_request(first.request_hash, asked)
    return Authorisation(
        first.pk,
        first.line_id,
        first.amount_fen,
        first.state,
        first.authorised_on,
        first.expires_on,
        repeated=True,
    )


def _one_statement(sql: str, parameters: dict[str, Any]) -> tuple[Any, ...] | None:
    """
    Runs one statement that is its own transaction, or a savepoint of the caller's, and returns its first row.

    Outside a transaction there is no BEGIN and COMMIT around it, which would be two more round trips.
    """
    savepoint = transaction.atomic() if connection.in_atomic_block else nullcontext()
    with savepoint, ledger_refusals():
        return fetch_one_prepared(sql, parameters)


def _available_fen(line: dict[str, Any]) -> int:
    return position(Line.objects.values_list("commitment_account_id", flat=True).get(**line)).available_fen


def _why_not(
    line: dict[str, Any], merchant_id: UUID, campaign_id: int | None, day: tuple[date, ...] | None
) -> LineError:
    """The reason for which an authorisation found nothing to reserve on; where there is no day, that is not said here."""
    status = Line.objects.filter(**line).values_list("status", flat=True).first()
    if status is None:
        return LineNotFound(_("there is no line %(id)s") % {"id": next(iter(line.values()))}, field="line")
    if status != LineStatus.ACTIVE:
        return LineNotActive(_("the line is %(status)s") % {"status": LineStatus(status).label})
    merchant = Merchant.objects.filter(shop=merchant_id).select_related("shop").first()
    if merchant is None:
        return MerchantNotAccepting(_("this shop does not accept credit lines"), field="merchant")
    if not merchant.is_accepting:
        return MerchantNotAllowed(
            _("this shop is suspended: nothing can be bought there with a line"), field="merchant"
        )
    if day and not selectors.category_allowed(merchant.shop.category, day[0]):
        return CategoryNotAllowed(_("what this shop sells cannot be paid with a line"), field="merchant")
    if campaign_id is not None:
        return CampaignOver(_("the campaign does not cover this purchase on this day"), field="campaign")
    return InstalmentsNotOffered(_("not offered in so many instalments"), field="instalments")
