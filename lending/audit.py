"""
The proof of the loans: their own rows say what the ledger says. Each rule is one SELECT of the rows at fault.

The form is `ledger.audit.Check`; `operations.audit` runs these together with all others.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from ledger.audit import Check, guards
from ledger.chart import (
    CASH_CLEARING,
    COMMITMENT,
    CUSTOMER_CREDIT,
    FEE_RECEIVABLE,
    INTEREST_RECEIVABLE,
    LOAN_CLAIM,
    LOAN_PRINCIPAL,
    PENALTY_RECEIVABLE,
)
from lending.models import (
    Accrual,
    Instalment,
    LenderRule,
    Loan,
    LoanContract,
    LoanTransaction,
    Offer,
    OfferFee,
    OrderEvent,
    OrderRule,
    Pledge,
    PrepaymentFee,
    ProceedsPayment,
    Product,
    ProductVersion,
    ReminderDay,
    Segment,
    Seller,
    SellerChange,
    SellerOrder,
    SignedTerms,
)
from lending.proceeds import PURPOSE, UNDONE

_ACCOUNTS = """
SELECT 'lending_loan', loan.id::text, format('%%s of %%s', role.type_code, loan.customer_id),
       CASE WHEN account.id IS NOT NULL THEN format('%%s of %%s', account.type_code, account.owner) END
FROM lending_loan AS loan
CROSS JOIN LATERAL (VALUES (commitment_account_id, %(commitment)s), (principal_account_id, %(principal)s),
    (interest_account_id, %(interest)s), (fee_account_id, %(fee)s), (penalty_account_id, %(penalty)s),
    (credit_account_id, %(credit)s), (claim_account_id, %(claim)s)) AS role (account_id, type_code)
LEFT JOIN ledger_account AS account ON account.id = role.account_id
WHERE (account.type_code, account.owner) IS DISTINCT FROM (role.type_code, loan.customer_id)
"""

# What rows that fell due did not get, and what those to come ask for or will: all of it stands on the accounts.
_DEBTS = """
SELECT 'lending_loan', loan.id::text,
       format('principal=%%s interest=%%s fee=%%s penalty=%%s', owed.principal, owed.interest, owed.fee, owed.penalty),
       format('principal=%%s interest=%%s fee=%%s penalty=%%s', principal.fen, interest.fen, fee.fen, penalty.fen)
FROM lending_loan AS loan
CROSS JOIN LATERAL (SELECT debits_posted_fen - credits_posted_fen AS fen FROM ledger_account
                    WHERE id = loan.principal_account_id) AS principal
CROSS JOIN LATERAL (SELECT debits_posted_fen - credits_posted_fen AS fen FROM ledger_account
                    WHERE id = loan.interest_account_id) AS interest
CROSS JOIN LATERAL (SELECT debits_posted_fen - credits_posted_fen AS fen FROM ledger_account
                    WHERE id = loan.fee_account_id) AS fee
CROSS JOIN LATERAL (SELECT debits_posted_fen - credits_posted_fen AS fen FROM ledger_account
                    WHERE id = loan.penalty_account_id) AS penalty
CROSS JOIN LATERAL (
    SELECT coalesce(sum(principal_fen - paid_principal_fen + credit_principal_fen), 0) AS principal,
           coalesce(sum(interest_fen - new_interest_fen - paid_interest_fen + credit_interest_fen), 0) AS interest,
           coalesce(sum(fee_fen - new_fee_fen - paid_fee_fen + credit_fee_fen), 0) AS fee,
           coalesce(sum(penalty_fen - paid_penalty_fen + credit_penalty_fen), 0) AS penalty
    FROM lending_instalment AS row WHERE row.loan_id = loan.id AND loan.status NOT IN ('charged_off', 'written_off')
) AS owed
WHERE (owed.principal, owed.interest, owed.fee, owed.penalty)
      IS DISTINCT FROM (principal.fen, interest.fen, fee.fen, penalty.fen)
"""

# A loan that was given up: what is claimed of the borrower is what its rows still ask for.
_CLAIMS = """
SELECT 'lending_loan', loan.id::text, format('claim=%%s', owed.fen),
       format('claim=%%s', claim.debits_posted_fen - claim.credits_posted_fen)
FROM lending_loan AS loan
JOIN ledger_account AS claim ON claim.id = loan.claim_account_id
CROSS JOIN LATERAL (SELECT coalesce(sum(unpaid_fen), 0) AS fen FROM lending_instalment AS row
                    WHERE row.loan_id = loan.id AND loan.status IN ('charged_off', 'written_off')) AS owed
WHERE owed.fen <> claim.debits_posted_fen - claim.credits_posted_fen
"""

_STATUS = """
SELECT 'lending_loan', loan.id::text, format('%%s with nothing owed', loan.status), format('owed=%%s', owed.fen)
FROM lending_loan AS loan
CROSS JOIN LATERAL (SELECT sum(debits_posted_fen - credits_posted_fen) AS fen FROM ledger_account
    WHERE id IN (loan.principal_account_id, loan.interest_account_id, loan.fee_account_id, loan.penalty_account_id)) AS owed
WHERE loan.status IN ('signed', 'disbursing', 'cancelled', 'closed', 'overpaid') AND owed.fen <> 0
"""

_COMMITMENT = """
SELECT 'lending_loan', loan.id::text, format('not drawn=%%s', waiting.fen),
       format('not drawn=%%s', commitment.credits_posted_fen - commitment.debits_posted_fen)
FROM lending_loan AS loan
JOIN lending_signedterms AS terms ON terms.loan_id = loan.id
JOIN ledger_account AS commitment ON commitment.id = loan.commitment_account_id
CROSS JOIN LATERAL (SELECT CASE WHEN loan.status IN ('signed', 'disbursing') THEN terms.principal_fen ELSE 0 END AS fen)
    AS waiting
WHERE waiting.fen <> commitment.credits_posted_fen - commitment.debits_posted_fen
"""

_TRANSACTIONS = """
SELECT 'lending_loantransaction', fact.id::text, 
       format('loan:%%s:%%s booked on %%s', loan_id, fact.reference, fact.booked_on),
       format('%%s booked on %%s', entry.reference, entry.booked_on)
FROM lending_loantransaction AS fact LEFT JOIN ledger_entry AS entry ON entry.id = fact.entry_id
WHERE fact.entry_id IS NOT NULL
  AND (entry.reference, entry.booked_on, entry.value_on)
      IS DISTINCT FROM (format('loan:%%s:%%s', loan_id, fact.reference), fact.booked_on, fact.value_on)
"""

_SEGMENTS = """
SELECT 'lending_segment', id::text, format('until %%s or before', next_since),
       format('until %%s', coalesce(until::text, 'open'))
FROM (SELECT id, until, lead(since) OVER (PARTITION BY loan_id, kind ORDER BY since) AS next_since FROM lending_segment)
    AS segment
WHERE next_since IS NOT NULL AND (until IS NULL OR until > next_since)
"""

_ACCRUED = """
SELECT 'lending_accrual', accrual.id::text, format('accrued=%%s', moved.fen), format('accrued=%%s', accrual.accrued_fen)
FROM (SELECT DISTINCT ON (product_id, kind) * FROM lending_accrual ORDER BY product_id, kind, closed_on DESC) AS accrual
JOIN lending_product AS product ON product.id = accrual.product_id
CROSS JOIN LATERAL (SELECT CASE accrual.kind WHEN 'interest' THEN interest_accrued_account_id
                           ELSE penalty_accrued_account_id END AS id) AS account
CROSS JOIN LATERAL (
    SELECT coalesce((SELECT sum(amount_fen) FROM ledger_transfer WHERE debit_account_id = account.id
                     AND booked_on <= accrual.closed_on), 0)
         - coalesce((SELECT sum(amount_fen) FROM ledger_transfer WHERE credit_account_id = account.id
                     AND booked_on <= accrual.closed_on), 0) AS fen
) AS moved
WHERE moved.fen <> accrual.accrued_fen
"""

# Money that moved for a loan is one fact of it, and no fact says of money that it moved which did not.
_PAYMENTS = """
WITH moved AS (
    SELECT attempt.id, 'payment:' || attempt.reference AS reference, ordered.subject,
           CASE ordered.direction WHEN 'collect' THEN 'repayment' ELSE 'disbursement' END AS kind
    FROM payments_paymentattempt AS attempt JOIN payments_paymentorder AS ordered ON ordered.id = attempt.order_id
    WHERE ordered.purpose IN ('lending.loan', 'lending.disbursement') AND attempt.moved_fen > 0
      AND attempt.settled_on IS NOT NULL
), booked AS (
    SELECT fact.id, fact.reference, loan.uuid::text AS subject, fact.kind
    FROM lending_loantransaction AS fact JOIN lending_loan AS loan ON loan.id = fact.loan_id
    WHERE fact.reference LIKE 'payment:%%'
)
SELECT 'payments_paymentattempt', moved.id::text, format('%%s of %%s', moved.kind, moved.subject),
       CASE WHEN booked.id IS NOT NULL THEN format('%%s of %%s', booked.kind, booked.subject) END
FROM moved LEFT JOIN booked USING (reference)
WHERE (booked.kind, booked.subject) IS DISTINCT FROM (moved.kind, moved.subject)
UNION ALL
SELECT 'lending_loantransaction', booked.id::text, 'a payment that moved', NULL
FROM booked WHERE NOT EXISTS (SELECT FROM moved WHERE moved.reference = booked.reference)
"""

# What a loan's pledges stand for is its principal, whatever was released since.
_PLEDGES = """
SELECT 'lending_loan', loan.id::text, format('pledged=%%s', terms.principal_fen), format('pledged=%%s', pledged.fen)
FROM lending_loan AS loan
JOIN lending_signedterms AS terms ON terms.loan_id = loan.id
CROSS JOIN LATERAL (SELECT sum(share_fen) AS fen FROM lending_pledge WHERE loan_id = loan.id) AS pledged
WHERE pledged.fen IS NOT NULL AND pledged.fen <> terms.principal_fen
UNION ALL
SELECT 'lending_pledge', pledge.id::text, 'released, the order was settled or refunded', 'held'
FROM lending_pledge AS pledge
JOIN lending_sellerorder AS ordered ON ordered.id = pledge.order_id
WHERE pledge.release = '' AND (
    EXISTS (SELECT FROM lending_orderevent WHERE order_id = ordered.id AND kind = 'settled')
    OR ordered.amount_fen = (SELECT sum(amount_fen) FROM lending_orderevent
                             WHERE order_id = ordered.id AND kind = 'refunded'))
"""

# The proceeds that came in for an order are one entry: what its event says went to the loan and to the seller. Undone, all of
# it went back in one entry, and the loan's fact of it is undone with it.
_PROCEEDS = """
SELECT 'lending_orderevent', event.id::text, format('seller=%%s, in all=%%s', event.to_seller_fen, event.amount_fen),
       format('seller=%%s, in all=%%s', moved.seller, moved.whole)
FROM lending_orderevent AS event
JOIN lending_sellerorder AS ordered ON ordered.id = event.order_id
JOIN lending_seller AS seller ON seller.customer_id = ordered.seller_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(amount_fen) FILTER (WHERE credit_account_id = seller.payable_account_id), 0) AS seller,
           coalesce(sum(amount_fen) FILTER (WHERE debit_account_id = %(cash)s), 0) AS whole
    FROM ledger_transfer WHERE entry_id = event.entry_id) AS moved
WHERE event.kind = 'settled' AND event.entry_id IS NOT NULL
  AND (moved.seller, moved.whole) <> (event.to_seller_fen, event.amount_fen)
UNION ALL
SELECT 'lending_orderevent', undone.id::text,
       format('back from the seller=%%s, in all=%%s', event.to_seller_fen, event.amount_fen),
       format('back from the seller=%%s, in all=%%s', moved.seller, moved.whole)
FROM lending_orderevent AS undone
JOIN lending_orderevent AS event ON event.id = undone.undoes_id
JOIN lending_sellerorder AS ordered ON ordered.id = event.order_id
JOIN lending_seller AS seller ON seller.customer_id = ordered.seller_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(amount_fen) FILTER (WHERE debit_account_id = seller.payable_account_id), 0) AS seller,
           coalesce(sum(amount_fen) FILTER (WHERE credit_account_id = %(cash)s), 0) AS whole
    FROM ledger_transfer WHERE entry_id = undone.entry_id) AS moved
WHERE (moved.seller, moved.whole) <> (event.to_seller_fen, event.amount_fen)
UNION ALL
SELECT 'lending_orderevent', event.id::text, format('undone=%%s', fact.undone), format('undone=%%s', event.undone)
FROM (SELECT settled.id, settled.entry_id, undone.id IS NOT NULL AS undone
      FROM lending_orderevent AS settled LEFT JOIN lending_orderevent AS undone ON undone.undoes_id = settled.id
      WHERE settled.kind = 'settled' AND settled.to_loan_fen > 0) AS event
JOIN (SELECT done.entry_id, undoing.id IS NOT NULL AS undone
      FROM lending_loantransaction AS done LEFT JOIN lending_loantransaction AS undoing ON undoing.reverses_id = done.id
      WHERE starts_with(done.reference, 'order:')) AS fact USING (entry_id)
WHERE fact.undone <> event.undone
"""

# What a loan left of proceeds is paid to the seller whole, by the one attempt that moved its money; what moved is a payment.
_PAID = """
WITH moved AS (
    SELECT attempt.reference, ordered.subject, ordered.owner, attempt.moved_fen
    FROM payments_paymentattempt AS attempt JOIN payments_paymentorder AS ordered ON ordered.id = attempt.order_id
    WHERE ordered.purpose = %(purpose)s AND attempt.moved_fen > 0 AND attempt.settled_on IS NOT NULL
), paid AS (
    SELECT payment.*, event.to_seller_fen, seller.customer_id AS owner, posted.fen AS posted_fen
    FROM lending_proceedspayment AS payment
    JOIN lending_orderevent AS event ON event.id = payment.event_id
    JOIN lending_sellerorder AS ordered ON ordered.id = event.order_id
    JOIN lending_seller AS seller ON seller.customer_id = ordered.seller_id
    CROSS JOIN LATERAL (SELECT coalesce(sum(amount_fen), 0) AS fen FROM ledger_transfer AS transfer
                        WHERE transfer.entry_id = payment.entry_id AND credit_account_id = %(cash)s
                          AND debit_account_id = seller.payable_account_id) AS posted
)
SELECT 'lending_proceedspayment', coalesce(paid.event_id::text, moved.reference),
       format('moved=%%s for %%s', moved.moved_fen, moved.subject),
       format('proceeds=%%s paid=%%s posted=%%s for %%s', paid.to_seller_fen, paid.amount_fen, paid.posted_fen, paid.event_id)
FROM moved FULL JOIN paid USING (reference)
WHERE (moved.moved_fen, moved.subject, moved.owner, moved.moved_fen, moved.moved_fen)
      IS DISTINCT FROM (paid.amount_fen, paid.event_id::text, paid.owner, paid.to_seller_fen, paid.posted_fen)
"""

# What stands on a seller's account is what their loans left of proceeds and nobody paid yet, nor took back.
_OWED = """
SELECT 'lending_seller', seller.customer_id::text, format('owed=%%s', left_over.fen), format('owed=%%s', stands.fen)
FROM lending_seller AS seller
CROSS JOIN LATERAL (
    SELECT coalesce(sum(event.to_seller_fen - coalesce(payment.amount_fen, 0)), 0) AS fen
    FROM lending_sellerorder AS ordered JOIN lending_orderevent AS event ON event.order_id = ordered.id
    LEFT JOIN lending_proceedspayment AS payment ON payment.event_id = event.id
    WHERE ordered.seller_id = seller.customer_id AND NOT /* undone */
) AS left_over
CROSS JOIN LATERAL (
    SELECT coalesce(sum(CASE WHEN credit_account_id = seller.payable_account_id THEN 1 ELSE -1 END * amount_fen), 0) AS fen
    FROM ledger_transfer WHERE seller.payable_account_id IN (credit_account_id, debit_account_id)
) AS stands
WHERE left_over.fen <> stands.fen
""".replace("/* undone */", UNDONE)

# A seller is suspended while the last that is said of them is that; by days, as payments know no hour.
_SUSPENDED = """
SELECT 'lending_seller', seller.customer_id::text, format('suspended=%%s', coalesce(last.kind = 'suspended', false)),
       format('suspended=%%s', seller.is_suspended)
FROM lending_seller AS seller
LEFT JOIN LATERAL (SELECT kind FROM lending_sellerchange WHERE seller_id = seller.customer_id
                   ORDER BY id DESC LIMIT 1) AS last ON true
WHERE seller.is_suspended <> coalesce(last.kind = 'suspended', false)
UNION ALL
SELECT 'payments_paymentattempt', attempt.id::text, format('suspended on %%s', last.changed_on),
       format('asked on %%s', asked_on)
FROM payments_paymentattempt AS attempt
JOIN payments_paymentorder AS ordered ON ordered.id = attempt.order_id AND ordered.purpose = %(purpose)s
CROSS JOIN LATERAL (SELECT kind, changed_on FROM lending_sellerchange AS change
                    WHERE change.seller_id = ordered.owner AND changed_on < asked_on ORDER BY id DESC LIMIT 1) AS last
WHERE last.kind = 'suspended'
  AND NOT EXISTS (SELECT FROM lending_sellerchange AS change
                  WHERE change.seller_id = ordered.owner AND kind = 'reinstated' AND changed_on = asked_on)
"""

CHECKS = (
    Check("loan_pledges", _("A loan's pledges stand for its principal."), "lending_pledge", _PLEDGES),
    Check(
        "order_proceeds",
        _("What came in for an order went to its loan and its seller, in one entry."),
        "lending_orderevent WHERE entry_id IS NOT NULL",
        _PROCEEDS,
        {"cash": CASH_CLEARING.control_id},
    ),
    Check(
        "proceeds_payments",
        _("What a loan left of proceeds is paid whole, once, by the payment that moved its money."),
        "lending_proceedspayment",
        _PAID,
        {"purpose": PURPOSE, "cash": CASH_CLEARING.control_id},
    ),
    Check(
        "proceeds_owed",
        _("A seller is still to be paid what loans left of proceeds and was not paid."),
        "lending_seller",
        _OWED,
    ),
    Check(
        "proceeds_holds",
        _("While a seller is suspended nothing is paid out to them."),
        "lending_seller",
        _SUSPENDED,
        {"purpose": PURPOSE},
    ),
    Check(
        "loan_payments",
        _("Money that moved for a loan is one fact of it."),
        "payments_paymentattempt WHERE moved_fen > 0",
        _PAYMENTS,
    ),
    Check(
        "loan_accounts",
        _("A loan's accounts are of their types and belong to its borrower."),
        "lending_loan",
        _ACCOUNTS,
        {
            "commitment": COMMITMENT.code,
            "principal": LOAN_PRINCIPAL.code,
            "interest": INTEREST_RECEIVABLE.code,
            "fee": FEE_RECEIVABLE.code,
            "penalty": PENALTY_RECEIVABLE.code,
            "credit": CUSTOMER_CREDIT.code,
            "claim": LOAN_CLAIM.code,
        },
    ),
    Check("loan_debts", _("What a loan owes stands on its accounts."), "lending_loan", _DEBTS),
    Check(
        "loan_claims",
        _("What is claimed of a loan given up is what its rows ask for."),
        "lending_loan",
        _CLAIMS,
    ),
    Check("loan_status", _("A loan that is not running owes nothing."), "lending_loan", _STATUS),
    Check(
        "loan_commitment",
        _("What is committed to a loan is what is signed and not drawn."),
        "lending_loan",
        _COMMITMENT,
    ),
    Check(
        "loan_transactions",
        _("A fact's entry is its own, of its days."),
        "lending_loantransaction",
        _TRANSACTIONS,
    ),
    Check("loan_segments", _("A loan's segments of a kind do not overlap."), "lending_segment", _SEGMENTS),
    Check(
        "loan_accrued",
        _("What a product's loans have accrued is what every day's row says."),
        "lending_accrual",
        _ACCRUED,
    ),
    guards(
        "loan_guards",
        models=(
            Accrual,
            Instalment,
            LenderRule,
            Loan,
            LoanContract,
            LoanTransaction,
            Offer,
            OfferFee,
            OrderEvent,
            OrderRule,
            Pledge,
            PrepaymentFee,
            ProceedsPayment,
            Product,
            ProductVersion,
            ReminderDay,
            Segment,
            Seller,
            SellerChange,
            SellerOrder,
            SignedTerms,
        ),
        facts=(
            Accrual,
            LenderRule,
            LoanContract,
            LoanTransaction,
            Offer,
            OfferFee,
            OrderEvent,
            OrderRule,
            PrepaymentFee,
            ProceedsPayment,
            ProductVersion,
            ReminderDay,
            SellerChange,
            SellerOrder,
            SignedTerms,
        ),
        triggers=(
            "lending_loan_keeps_its_nature",
            "lending_loan_once_cancelled_stays",
            "lending_loantransaction_reverses_its_own",
            "lending_offer_rate_in_its_unit",
            "lending_orderevent_undoes_its_own",
            "lending_pledge_is_released_once",
            "lending_pledge_keeps_its_nature",
            "lending_pledge_of_the_borrowers_own",
            "lending_product_keeps_its_nature",
            "lending_seller_keeps_its_account",
            "lending_signedterms_within_its_offer",
            *(
                f"lending_{table}_is_{guard}"
                for table in (
                    "accrual",
                    "lenderrule",
                    "loancontract",
                    "loantransaction",
                    "offer",
                    "offerfee",
                    "orderevent",
                    "orderrule",
                    "prepaymentfee",
                    "proceedspayment",
                    "productversion",
                    "reminderday",
                    "sellerchange",
                    "sellerorder",
                    "signedterms",
                )
                for guard in ("append_only", "not_truncated")
            ),
        ),
    ),
)
