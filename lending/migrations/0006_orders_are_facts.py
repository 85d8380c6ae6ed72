"""What was told of orders and what was pledged is never changed; the first rule of order loans."""

from datetime import date
from decimal import Decimal

from django.conf import settings
from django.db import migrations

FACTS = ("lending_orderrule", "lending_sellerorder", "lending_orderevent")

APPEND_ONLY = "".join(
    f"""
CREATE TRIGGER {table}_is_append_only BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER {table}_is_not_truncated BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {settings.DATABASE_ROLE};
"""
    for table in FACTS
)

# An order is pledged by whoever sold it, and what is released stays so.
NATURE = f"""
CREATE TRIGGER lending_seller_keeps_its_account BEFORE UPDATE OF customer_id, payable_account_id ON lending_seller
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER lending_pledge_keeps_its_nature BEFORE UPDATE OF id, loan_id, order_id, amount_fen, share_fen, pledged_on
    ON lending_pledge FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER lending_pledge_is_released_once BEFORE UPDATE ON lending_pledge
    FOR EACH ROW WHEN (OLD.release <> '') EXECUTE FUNCTION ledger_refuse_change();
REVOKE DELETE, TRUNCATE ON lending_seller, lending_pledge FROM {settings.DATABASE_ROLE};

CREATE FUNCTION lending_check_pledge() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM lending_loan AS loan JOIN lending_sellerorder AS ordered ON ordered.id = NEW.order_id
                   WHERE loan.id = NEW.loan_id AND loan.customer_id = ordered.seller_id
                     AND NEW.amount_fen <= ordered.amount_fen) THEN
        PERFORM lending_refuse_row('pledge_of_the_borrowers_own', TG_TABLE_NAME);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER lending_pledge_of_the_borrowers_own BEFORE INSERT ON lending_pledge
    FOR EACH ROW EXECUTE FUNCTION lending_check_pledge();
"""


def first_rule(apps, schema_editor):
    """Source: DOMAIN, order loan, for what is looked at and the two months; the other figures are ours."""
    apps.get_model("lending", "OrderRule").objects.create(
        product=apps.get_model("lending", "Product").objects.get(code="order-loan"),
        effective_from=date(2000, 1, 1), advance_rate=Decimal("0.8"), minimum_shop_months=2,
        largest_buyer_share=Decimal("0.3"), fastest_minutes=30, longest_shipped_days=30,
        highest_refund_rate=Decimal("0.2"), observed_days=90, observed_orders=5,
    )


class Migration(migrations.Migration):
    dependencies = [("lending", "0005_order_loans")]

    operations = [
        migrations.RunPython(first_rule, migrations.RunPython.noop),
        migrations.RunSQL(APPEND_ONLY, migrations.RunSQL.noop),
        migrations.RunSQL(NATURE, migrations.RunSQL.noop),
    ]
