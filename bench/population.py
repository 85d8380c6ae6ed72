"""A portfolio of any size, made set-based, through the product's own services wherever they take many at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from customers.models import Shop
from huabei.services.lines import Opening, open_lines
from huabei.services.purchases import CONTROL, accept_merchant, capture_many
from ledger.chart import CASH_CLEARING
from ledger.sql import affected, fetch_all

BATCH = 20_000
LIMIT_FEN = 50_000_00

# Nobody's data: sealed columns hold numbers, since nothing here reads them.
_CUSTOMERS = """
INSERT INTO customers_customer (id, full_name, born_on, is_student, national_id_encrypted, national_id_index,
                                identity_verified_on, registered_on)
SELECT lpad(to_hex(n), 32, '0')::uuid, 'Bench ' || n, '1990-01-01', false, '', sha256(n::text::bytea), %(on)s, %(on)s
FROM generate_series(%(first)s, %(last)s) AS n
"""


def merchants(count: int, *, on: date) -> list[UUID]:
    """Shops number 1 to `count` as UUIDs, accepting lines."""
    ids = [UUID(int=n) for n in range(1, count + 1)]
    for n, shop_id in enumerate(ids, 1):
        shop = Shop.objects.create(id=shop_id, name=f"Bench {n}", category="bench", registered_on=on)
        accept_merchant(shop=shop)
    return ids


def people(*, first: int, last: int, on: date) -> None:
    """Customers numbered from first to last as UUIDs."""
    affected(_CUSTOMERS, {"first": first, "last": last, "on": on})


def lines(count: int, *, on: date, first: int = 1) -> list[int]:
    """Customers and their lines (statement day 1), opened through the service. Returns the lines' ids."""
    ids: list[int] = []
    for start in range(first, first + count, BATCH):
        last = min(start + BATCH, first + count) - 1
        people(first=start, last=last, on=on)
        openings = [Opening(UUID(int=n), LIMIT_FEN, score=700) for n in range(start, last + 1)]
        ids += open_lines(openings=openings, on=on)
    return ids


# The authorising statement's writes for many lines at once. The trigger keeps the counters, as for one.
_AUTHORISE_MANY = """
WITH asked AS (
    SELECT line.id AS line_id, line.commitment_account_id,
           lpad(to_hex(1 + (line.id * 7 + %(round)s) %% %(merchants)s), 32, '0')::uuid AS merchant_id,
           1000 + (line.id * 7919 + %(round)s * 104729) %% 50000 AS amount_fen,
           nextval('huabei_purchase_id_seq') AS purchase_id, nextval('ledger_entry_id_seq') AS entry_id,
           nextval('ledger_transfer_id_seq') AS transfer_id
    FROM huabei_line AS line WHERE line.id = ANY(%(lines)s)
), entry AS (
    INSERT INTO ledger_entry (id, reference, event, booked_on, value_on)
    SELECT entry_id, 'purchase:' || purchase_id || ':authorised', 'purchase.authorised', %(on)s, %(on)s FROM asked
), hold AS (
    INSERT INTO ledger_transfer (id, entry_id, kind, debit_account_id, credit_account_id, amount_fen, booked_on)
    SELECT transfer_id, entry_id, 1, commitment_account_id, %(control)s, amount_fen, %(on)s FROM asked
)
INSERT INTO huabei_purchase (id, line_id, merchant_id, reference, request_hash, amount_fen, state, hold_transfer_id,
                             authorised_on, expires_on)
SELECT purchase_id, line_id, merchant_id, 'bench-' || %(on)s::date || '-' || %(round)s || '-' || line_id,
       sha256(purchase_id::text::bytea), amount_fen, 'authorised', transfer_id, %(on)s, %(on)s::date + 7
FROM asked RETURNING id, amount_fen
"""


def authorise_each(
    line_ids: Sequence[int], *, on: date, shops: int, round_: int = 0
) -> list[tuple[int, int]]:
    """One authorisation on each line; returns (purchase id, fen)."""
    made: list[tuple[int, int]] = []
    for start in range(0, len(line_ids), BATCH):
        parameters = {
            "lines": list(line_ids[start : start + BATCH]),
            "on": on,
            "round": round_,
            "merchants": shops,
            "control": CONTROL,
        }
        made += [(purchase, fen) for purchase, fen in fetch_all(_AUTHORISE_MANY, parameters)]
    return made


def buy_each(line_ids: Sequence[int], *, on: date, shops: int, round_: int = 0) -> None:
    """One purchase on each line, authorised and captured on the same day."""
    made = authorise_each(line_ids, on=on, shops=shops, round_=round_)
    for start in range(0, len(made), BATCH):
        capture_many(captures=made[start : start + BATCH], on=on)


# What `repay` writes for a line that owes billed principal and nothing else: all of it, or exactly the minimum.
_REPAY_MANY = """
WITH paying AS (
    SELECT line.*, statement.id AS statement_id,
           CASE WHEN %(whole)s THEN statement.total_fen ELSE statement.minimum_fen END AS amount_fen,
           nextval('ledger_entry_id_seq') AS entry_id
    FROM huabei_line AS line JOIN huabei_statement AS statement ON statement.line_id = line.id
    WHERE line.id = ANY(%(lines)s) AND statement.issued_on = %(issued)s
), entry AS (
    INSERT INTO ledger_entry (id, reference, event, booked_on, value_on)
    SELECT entry_id, 'line:' || id || ':repaid:bench', 'line.repaid', %(on)s, %(on)s FROM paying
), moved AS (
    INSERT INTO ledger_transfer (entry_id, kind, debit_account_id, credit_account_id, amount_fen, booked_on)
    SELECT entry_id, 0, leg.debit, leg.credit, amount_fen, %(on)s
    FROM paying CROSS JOIN LATERAL (VALUES (%(cash)s, billed_account_id), (%(control)s, commitment_account_id))
        AS leg (debit, credit)
), due AS (
    UPDATE huabei_due AS due SET outstanding_fen = 0 FROM paying WHERE due.statement_id = paying.statement_id
)
INSERT INTO huabei_repayment (line_id, reference, request_hash, amount_fen, received_on, value_on, to_penalty_fen,
    to_interest_fen, to_fee_fen, to_billed_fen, to_unbilled_fen, to_credit_fen, entry_id)
SELECT id, 'bench', '', amount_fen, %(on)s, %(on)s, 0, 0, 0, amount_fen, 0, 0, entry_id FROM paying
"""


def repay_each(line_ids: Sequence[int], *, issued_on: date, on: date, whole: bool) -> None:
    """Each line's first statement paid before its due day: the whole of it or the minimum."""
    for start in range(0, len(line_ids), BATCH):
        parameters = {
            "lines": list(line_ids[start : start + BATCH]),
            "issued": issued_on,
            "on": on,
            "whole": whole,
            "cash": CASH_CLEARING.control_id,
            "control": CONTROL,
        }
        affected(_REPAY_MANY, parameters)
