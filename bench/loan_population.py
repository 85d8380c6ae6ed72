"""
Any number of loans: a few are signed, disbursed and repaid by the services, and what these wrote is written down again for
each of their copies, whose accounts and numbers follow from its own. What the close does, it does to all of them alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from uuid import UUID

from bench.population import people
from bench.server import BenchServer
from lending.models import Instalment, Loan, Segment
from lending.selectors import loan_on
from lending.services import servicing
from lending.services.quoting import Wish
from lending.services.signing import ACCOUNTS, sign_loan

# Copies are numbered from 1; beyond whatever the services number.
LOANS_FROM, ACCOUNTS_FROM = 10_000_000, 100_000_000
ROLES = tuple(ACCOUNTS)


def lend(wish: Wish, *, customer: int, on: date) -> int:
    """One loan signed and disbursed by the services; its id."""
    people(first=customer, last=customer, on=on)
    loan = sign_loan(
        customer_id=UUID(int=customer), wish=wish, score=700, reference="bench", on=on,
        at=datetime.combine(on, time(4), UTC),
    )  # fmt: skip
    servicing.begin_disbursement(loan_id=loan.pk)
    servicing.confirm_disbursement(loan_id=loan.pk, reference="disbursed", on=on)
    return loan.pk


def pay_due(loan_id: int, *, on: date) -> None:
    """What the loan asks for and is unpaid is repaid."""
    loan = Loan.objects.select_related("product", "terms").get(pk=loan_id)
    unpaid_fen = sum(row.unpaid.total_fen for row in loan_on(loan, on).rows if row.billed)
    servicing.repay(loan_id=loan_id, amount_fen=unpaid_fen, reference=f"paid {on}", on=on)


_LOAN = f"""
WITH copy AS (
    INSERT INTO bench_copy (template_id, n)
    SELECT %(template)s, n FROM generate_series(%(first)s::int, %(last)s) AS n
    RETURNING template_id, n
), account AS (
    INSERT INTO ledger_account (id, type_code, owner, counted, cap)
    SELECT {ACCOUNTS_FROM} + n * {len(ROLES)} + place, type_code, lpad(to_hex(n), 32, '0')::uuid, counted, cap
    FROM copy JOIN bench_role AS role USING (template_id) JOIN ledger_account AS account ON account.id = role.account_id
), loan AS (
    INSERT INTO lending_loan (id, uuid, customer_id, product_id, reference, request_hash, status, classification, signed_on,
                              disbursed_on, {", ".join(ROLES)})
    SELECT {LOANS_FROM} + n, gen_random_uuid(), lpad(to_hex(n), 32, '0')::uuid, product_id, reference, request_hash, status,
           classification, signed_on, disbursed_on,
           {", ".join(f"{ACCOUNTS_FROM} + n * {len(ROLES)} + {place}" for place in range(len(ROLES)))}
    FROM copy JOIN lending_loan AS loan ON loan.id = template_id
    RETURNING id
)
SELECT count(*) FROM loan
"""

_TERMS = f"""
INSERT INTO lending_signedterms (loan_id, offer_id, principal_fen, rate, simple_rate, effective_rate, price_cap, cap_method,
                                 consent_id, score, document, sha256)
SELECT {LOANS_FROM} + n, offer_id, principal_fen, rate, simple_rate, effective_rate, price_cap, cap_method, consent_id, score,
       document, sha256
FROM bench_copy AS copy JOIN lending_signedterms AS terms ON terms.loan_id = copy.template_id
WHERE template_id = %(template)s AND n BETWEEN %(first)s AND %(last)s
"""

# What the services posted of the templates since a mark, and its facts. What the close posts, it posts of the copies too.
_ENTRIES = f"""
WITH of_template AS MATERIALIZED (
    SELECT entry.*, template_id, substr(entry.reference, length('loan:' || template_id) + 1) AS what
    FROM unnest(%(templates)s::bigint[], %(marks)s::bigint[]) AS template (template_id, mark)
    JOIN ledger_entry AS entry ON entry.id > mark AND entry.event <> 'loan.due'
         AND starts_with(entry.reference, 'loan:' || template_id || ':')
), told AS MATERIALIZED (
    SELECT nextval('ledger_entry_id_seq') AS id, entry.id AS of_template, n, {LOANS_FROM} + n AS loan_id,
           'loan:' || {LOANS_FROM} + n || what AS reference,
           entry.event, entry.booked_on, entry.value_on, entry.request_hash
    FROM of_template AS entry JOIN bench_copy AS copy USING (template_id)
    WHERE n >= %(first)s
), entry AS (
    INSERT INTO ledger_entry (id, reference, event, booked_on, value_on, request_hash)
    SELECT id, reference, event, booked_on, value_on, request_hash FROM told
), moved AS (
    INSERT INTO ledger_transfer (entry_id, kind, debit_account_id, credit_account_id, amount_fen, booked_on)
    SELECT told.id, kind, coalesce({ACCOUNTS_FROM} + n * {len(ROLES)} + debit.place, debit_account_id),
           coalesce({ACCOUNTS_FROM} + n * {len(ROLES)} + credit.place, credit_account_id), amount_fen, transfer.booked_on
    FROM told JOIN ledger_transfer AS transfer ON transfer.entry_id = of_template
    LEFT JOIN bench_role AS debit ON debit.account_id = debit_account_id
    LEFT JOIN bench_role AS credit ON credit.account_id = credit_account_id
)
INSERT INTO lending_loantransaction (loan_id, kind, reference, request_hash, value_on, booked_on, amount_fen, detail, cause,
                                     entry_id)
SELECT told.loan_id, fact.kind, fact.reference, fact.request_hash, fact.value_on, fact.booked_on, amount_fen, detail, cause,
       told.id
FROM told JOIN lending_loantransaction AS fact ON fact.entry_id = of_template
"""

_WRITTEN = """
DELETE FROM {table} AS row USING bench_copy AS copy
WHERE row.loan_id = {loans} + copy.n AND template_id = ANY(%(templates)s) AND copy.n >= %(first)s;
INSERT INTO {table} (loan_id, {columns})
SELECT {loans} + copy.n, {of_template} FROM {table} AS row JOIN bench_copy AS copy ON loan_id = template_id
WHERE template_id = ANY(%(templates)s) AND copy.n >= %(first)s
"""

_STANDING = f"""
UPDATE lending_loan AS loan SET classification = template.classification, status = template.status
FROM bench_copy AS copy JOIN lending_loan AS template ON template.id = template_id
WHERE loan.id = {LOANS_FROM} + n AND template_id = ANY(%(templates)s) AND n >= %(first)s
  AND (loan.classification, loan.status) <> (template.classification, template.status)
"""


class Copies:
    """The copies of some loans in a database of the bench, written by its owner."""

    def __init__(self, server: BenchServer, database: str) -> None:
        self._server, self._database = server, database
        self._last = 0
        self._marks: dict[int, int] = {}
        server.run_sql(
            "CREATE TABLE bench_copy (template_id bigint, n bigint PRIMARY KEY)",
            "CREATE INDEX ON bench_copy (template_id)",
            "CREATE TABLE bench_role (template_id bigint, place int, account_id bigint PRIMARY KEY)",
            database=database,
        )

    def in_database(self, name: str) -> None:
        """From now on copies are written to a copy of the database."""
        self._database = name

    def add(self, template_id: int, count: int, *, on: date) -> None:
        """So many copies of a loan that was signed and disbursed by the services, and of which nothing was billed yet."""
        first, self._last = self._last + 1, self._last + count
        people(first=first, last=self._last, on=on)
        loan = Loan.objects.get(pk=template_id)
        with self._server.admin(self._database) as admin, admin.transaction():
            for place, role in enumerate(ROLES):
                row = [template_id, place, getattr(loan, role)]
                admin.execute("INSERT INTO bench_role VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", row)
            added = {"template": template_id, "first": first, "last": self._last}
            admin.execute(_LOAN, added)
            admin.execute(_TERMS, added)
        self._marks[template_id] = 0
        self._write([template_id], first=first)

    def follow(self, template_ids: Sequence[int]) -> None:
        """What the services did to these loans since is done to their copies."""
        self._write(template_ids, first=0)

    def _write(self, template_ids: Sequence[int], *, first: int) -> None:
        with self._server.admin(self._database) as admin, admin.transaction():
            marks = [self._marks[each] for each in template_ids]
            given = {"templates": list(template_ids), "marks": marks, "first": first}
            admin.execute(_ENTRIES, given)
            for model in (Instalment, Segment):
                names = [f.column for f in model._meta.concrete_fields if f.name not in ("id", "loan")]
                sql = _WRITTEN.format(
                    table=model._meta.db_table,
                    loans=LOANS_FROM,
                    columns=", ".join(names),
                    of_template=", ".join(f"row.{name}" for name in names),
                )
                for statement in sql.split(";"):
                    admin.execute(statement, given)
            admin.execute(_STANDING, given)
            mark = admin.execute("SELECT max(id) FROM ledger_entry").fetchone()[0]  # type: ignore[index]
        self._marks |= dict.fromkeys(template_ids, int(mark))
