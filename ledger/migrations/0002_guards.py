"""What PostgreSQL itself keeps: facts are append-only, counters follow transfers, a pending transfer is resolved in full."""

from django.conf import settings
from django.db import migrations

APPEND_ONLY = """
CREATE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % refused: facts are corrected by mirror transfers, never changed', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_is_append_only', TABLE = TG_TABLE_NAME;
END $$;

CREATE TRIGGER ledger_entry_is_append_only BEFORE UPDATE OR DELETE ON ledger_entry
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER ledger_entry_is_not_truncated BEFORE TRUNCATE ON ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER ledger_transfer_is_append_only BEFORE UPDATE OR DELETE ON ledger_transfer
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER ledger_transfer_is_not_truncated BEFORE TRUNCATE ON ledger_transfer
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();

-- What an account is never changes; only its counters do, and accounts are never removed. For each statement, since a trigger
-- for each row would have the row locked before every update, those of the counters too.
CREATE TRIGGER ledger_account_keeps_its_nature BEFORE UPDATE OF id, type_code, owner, counted, cap ON ledger_account
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER ledger_account_is_not_deleted BEFORE DELETE ON ledger_account
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER ledger_account_is_not_truncated BEFORE TRUNCATE ON ledger_account
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
"""

# A settlement or release names a pending transfer between the same accounts and resolves it once (unique index);
# it settles at most what was reserved, and releases exactly that.
RESOLUTION = """
CREATE FUNCTION ledger_check_resolution() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    reserved ledger_transfer;
BEGIN
    SELECT * INTO reserved FROM ledger_transfer WHERE id = NEW.pending_id;
    IF reserved.id IS NULL OR reserved.kind <> 1
       OR reserved.debit_account_id <> NEW.debit_account_id OR reserved.credit_account_id <> NEW.credit_account_id
       OR NEW.amount_fen > reserved.amount_fen OR (NEW.kind = 3 AND NEW.amount_fen <> reserved.amount_fen) THEN
        RAISE EXCEPTION 'transfer resolves no pending transfer between the same accounts that covers % fen (pending_id %)',
            NEW.amount_fen, NEW.pending_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'transfer_resolves_its_pending', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER ledger_transfer_resolves_its_pending BEFORE INSERT ON ledger_transfer
    FOR EACH ROW WHEN (NEW.pending_id IS NOT NULL) EXECUTE FUNCTION ledger_check_resolution();
"""

# The counters of counted accounts, moved by the statement that inserts the transfers, however many. SECURITY DEFINER, since
# the application role may not write a counter itself; so the path names pg_temp, last: unnamed it would come first, and a
# temporary table called ledger_account would be counted instead. A settlement frees all that was reserved and posts what it
# settles.
#
# One reservation alone is an authorisation: it moves one counter, without the aggregate over both sides of every transfer,
# which costs as much as all the rest of it. Numbers up to 10000 are the lender's own, which count nothing. Many are summed per
# account and counted in the order of the accounts, which lie side by side per line; what a resolution frees is looked up one by
# one, so that the plan, which a session keeps from its first call on, is right for two transfers and for a million.
COUNTERS = """
CREATE FUNCTION ledger_count_transfers() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    transfers bigint;
    kinds smallint;
    debited bigint;
    credited bigint;
    moved_fen bigint;
BEGIN
    SELECT count(*), min(kind), min(debit_account_id), min(credit_account_id), min(amount_fen)
    INTO transfers, kinds, debited, credited, moved_fen FROM added;
    IF transfers = 1 AND kinds = 1 THEN
        IF debited > 10000 THEN
            UPDATE ledger_account SET debits_pending_fen = debits_pending_fen + moved_fen WHERE id = debited AND counted;
        END IF;
        IF credited > 10000 THEN
            UPDATE ledger_account SET credits_pending_fen = credits_pending_fen + moved_fen WHERE id = credited AND counted;
        END IF;
        RETURN NULL;
    END IF;
    UPDATE ledger_account AS account
    SET debits_pending_fen = account.debits_pending_fen + moved.debits_pending,
        debits_posted_fen = account.debits_posted_fen + moved.debits_posted,
        credits_pending_fen = account.credits_pending_fen + moved.credits_pending,
        credits_posted_fen = account.credits_posted_fen + moved.credits_posted
    FROM (
        SELECT account_id, sum(debits_pending)::bigint AS debits_pending, sum(debits_posted)::bigint AS debits_posted,
               sum(credits_pending)::bigint AS credits_pending, sum(credits_posted)::bigint AS credits_posted
        FROM (
            SELECT added.debit_account_id AS account_id,
                   CASE kind WHEN 0 THEN 0 WHEN 1 THEN amount_fen
                             ELSE -(SELECT reserved.amount_fen FROM ledger_transfer AS reserved
                                    WHERE reserved.id = added.pending_id) END AS debits_pending,
                   CASE WHEN kind IN (0, 2) THEN amount_fen ELSE 0 END AS debits_posted,
                   0::bigint AS credits_pending, 0::bigint AS credits_posted
            FROM added WHERE debit_account_id > 10000
            UNION ALL
            SELECT added.credit_account_id, 0, 0,
                   CASE kind WHEN 0 THEN 0 WHEN 1 THEN amount_fen
                             ELSE -(SELECT reserved.amount_fen FROM ledger_transfer AS reserved
                                    WHERE reserved.id = added.pending_id) END,
                   CASE WHEN kind IN (0, 2) THEN amount_fen ELSE 0 END
            FROM added WHERE credit_account_id > 10000
        ) AS leg
        GROUP BY account_id ORDER BY account_id
    ) AS moved
    WHERE account.id = moved.account_id AND account.counted;
    RETURN NULL;
END $$;

CREATE TRIGGER ledger_transfer_counts AFTER INSERT ON ledger_transfer
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger_count_transfers();

-- Room on each page for the next version of a row, which then needs no new entry in an index.
ALTER TABLE ledger_account SET (fillfactor = 85);
"""

ROLE = settings.DATABASE_ROLE

GRANTS = f"""
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') THEN
        CREATE ROLE {ROLE} NOLOGIN;
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'the application role is missing and this login may not create it: let a superuser run CREATE ROLE {ROLE}';
END $$;
GRANT USAGE ON SCHEMA public TO {ROLE};
-- Every table to come is readable and writable; facts then lose what must not happen to them.
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {ROLE};
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO {ROLE};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {ROLE};
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {ROLE};
REVOKE UPDATE, DELETE, TRUNCATE ON ledger_account, ledger_entry, ledger_transfer FROM {ROLE};
-- New accounts start at zero: the counters are not among the columns that may be written.
REVOKE INSERT ON ledger_account FROM {ROLE};
GRANT INSERT (id, type_code, owner, counted, cap) ON ledger_account TO {ROLE};
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]

    operations = [
        migrations.RunSQL(APPEND_ONLY, migrations.RunSQL.noop),
        migrations.RunSQL(RESOLUTION, migrations.RunSQL.noop),
        migrations.RunSQL(COUNTERS, migrations.RunSQL.noop),
        migrations.RunSQL(GRANTS, migrations.RunSQL.noop),
    ]
