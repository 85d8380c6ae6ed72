"""Facts of loans and versions of products are never changed, what is signed lies within what is offered; the first products."""

from datetime import date
from decimal import Decimal
from uuid import uuid4

from django.conf import settings
from django.db import migrations

FACTS = (
    "lending_lenderrule",
    "lending_productversion",
    "lending_offer",
    "lending_offerfee",
    "lending_prepaymentfee",
    "lending_signedterms",
    "lending_loantransaction",
    "lending_accrual",
)

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

# What a loan is never changes, nor does it come back from being cancelled; a product keeps its accounts.
NATURE = f"""
CREATE TRIGGER lending_loan_keeps_its_nature BEFORE UPDATE OF id, uuid, customer_id, product_id, reference, request_hash,
    signed_on, commitment_account_id, principal_account_id, interest_account_id, fee_account_id, penalty_account_id,
    credit_account_id, claim_account_id ON lending_loan
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER lending_loan_once_cancelled_stays BEFORE UPDATE OF status ON lending_loan
    FOR EACH ROW WHEN (OLD.status = 'cancelled' AND NEW.status <> 'cancelled' OR
                       NEW.status IN ('signed', 'cancelled') AND OLD.status NOT IN ('signed', 'disbursing', 'cancelled'))
    EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER lending_product_keeps_its_nature BEFORE UPDATE OF id, uuid, code, lender_type, is_business,
    interest_accrued_account_id, penalty_accrued_account_id, interest_income_account_id, penalty_income_account_id,
    fee_income_account_id, loss_account_id, recovery_account_id ON lending_product
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
REVOKE DELETE, TRUNCATE ON lending_loan, lending_product FROM {settings.DATABASE_ROLE};
"""

# An offer's rate is by the day or by the year, as its version says, and a rate by the day is at most 0.1 %. What is signed lies
# within the amounts of the version and the band of the offer that it names, in a version of the loan's own product.
WITHIN = """
CREATE FUNCTION lending_refuse_row(named text, on_table text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'new row for "%" violates "%"', on_table, named
        USING ERRCODE = 'check_violation', CONSTRAINT = named, TABLE = on_table;
END $$;

CREATE FUNCTION lending_check_offer() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NEW.rate_to > 0.001 AND (SELECT rate_unit FROM lending_productversion WHERE id = NEW.version_id) = 'daily' THEN
        PERFORM lending_refuse_row('offer_daily_rate_sensible', TG_TABLE_NAME);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER lending_offer_rate_in_its_unit BEFORE INSERT ON lending_offer
    FOR EACH ROW EXECUTE FUNCTION lending_check_offer();

CREATE FUNCTION lending_check_signed() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM lending_offer AS offer
        JOIN lending_productversion AS version ON version.id = offer.version_id
        JOIN lending_loan AS loan ON loan.id = NEW.loan_id AND loan.product_id = version.product_id
        WHERE offer.id = NEW.offer_id AND NEW.principal_fen BETWEEN version.minimum_fen AND version.maximum_fen
          AND NEW.rate BETWEEN offer.rate_from AND offer.rate_to AND version.effective_from <= loan.signed_on
    ) THEN
        PERFORM lending_refuse_row('signed_within_its_offer', TG_TABLE_NAME);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER lending_signedterms_within_its_offer BEFORE INSERT ON lending_signedterms
    FOR EACH ROW EXECUTE FUNCTION lending_check_signed();

-- A reversal names a fact of its own loan that is no reversal.
CREATE FUNCTION lending_check_reversal() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM lending_loantransaction AS fact WHERE fact.id = NEW.reverses_id
                   AND fact.loan_id = NEW.loan_id AND fact.kind <> 'reversal') THEN
        PERFORM lending_refuse_row('loan_transaction_reverses_its_own', TG_TABLE_NAME);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER lending_loantransaction_reverses_its_own BEFORE INSERT ON lending_loantransaction
    FOR EACH ROW WHEN (NEW.reverses_id IS NOT NULL) EXECUTE FUNCTION lending_check_reversal();
"""

FIRST_DAY = date(2000, 1, 1)

# Source: DOMAIN, rules by lender type; the method of the cap is ours: 0.06 % a day is 21.90 % simple, 24.47 % compounded.
RULES = (
    ("microlender", FIRST_DAY, "0.24", 200_000_00, 10_000_000_00),
    ("bank", FIRST_DAY, "0.24", 200_000_00, 10_000_000_00),
    ("bank", date(2025, 3, 1), "0.24", 300_000_00, 10_000_000_00),
)

DAILY_BAND = ("0.00015", "0.0006")
# Source: DOMAIN, microloans. (method, periods, unit, every, lowest rate, highest rate, fees of prepaying.)
PRODUCTS = (
    {
        "code": "jiebei", "name": "Jiebei", "name_zh": "借呗", "lender_type": "microlender", "is_business": False,
        "version": {"minimum_fen": 1_000_00, "maximum_fen": 300_000_00},
        "offers": [
            (method, periods, "months", 1, *DAILY_BAND, ())
            for method in ("equal_instalment", "interest_first", "one_off") for periods in (3, 6, 12)
        ],
    },
    {
        "code": "order-loan", "name": "Order loan", "name_zh": "订单贷款", "lender_type": "microlender", "is_business": True,
        "version": {"minimum_fen": 1_00, "maximum_fen": 1_000_000_00, "maximum_age": 65},
        "offers": [("one_off", 1, "days", days, "0.0005", "0.0005", ()) for days in (30, 60)],
    },
    {
        "code": "taobao", "name": "Taobao and Tmall credit loan", "name_zh": "淘宝/天猫信用贷款", "lender_type": "microlender",
        "is_business": True,
        "version": {"minimum_fen": 1_000_00, "maximum_fen": 1_000_000_00, "ahead": "hold"},
        "offers": [
            ("interest_first", 3, "months", 1, "0.0006", "0.0006", ()),
            ("interest_first", 6, "months", 1, "0.0006", "0.0006", ()),
            ("equal_principal", 12, "months", 1, "0.0005", "0.0005", ((3, "0.02"), (9, "0.01"))),
        ],
    },
    {
        "code": "alibaba", "name": "Alibaba credit loan", "name_zh": "阿里信用贷款", "lender_type": "microlender",
        "is_business": True,
        "version": {
            "minimum_fen": 50_000_00, "maximum_fen": 1_000_000_00, "ahead": "hold", "rate_unit": "actual/365",
        },
        "offers": [("equal_instalment", 12, "months", 1, "0.18", "0.21", ((12, "0.03"),))],
    },
    {
        "code": "wangshangdai", "name": "MYbank merchant loan", "name_zh": "网商贷", "lender_type": "bank", "is_business": True,
        "version": {"minimum_fen": 1_000_00, "maximum_fen": 1_000_000_00, "grace_days": 3},
        "offers": [("equal_instalment", periods, "months", 1, "0.0003", "0.0006", ()) for periods in (6, 12, 24)],
    },
)

COMMON = {
    "effective_from": FIRST_DAY, "rate_unit": "daily", "ahead": "next", "prepaid": "reduce_instalment",
    # Late principal costs half as much again as 0.06 % a day.
    "penalty_daily_rate": Decimal("0.0003"), "grace_days": 0, "allocation": "penalty interest fee principal",
    "allocation_order": "due_then_component", "rounding": "ROUND_HALF_EVEN", "minimum_score": 600, "minimum_age": 18,
    "maximum_age": 120,
}

ACCOUNTS = {
    "interest_accrued": "loan_interest_accrued", "penalty_accrued": "loan_penalty_accrued",
    "interest_income": "loan_interest_income", "penalty_income": "loan_penalty_income",
    "fee_income": "loan_fee_income", "loss": "loan_loss", "recovery": "loan_recovery",
}


def first_products(apps, schema_editor):
    models = {name: apps.get_model("lending", name) for name in (
        "LenderRule", "Product", "ProductVersion", "Offer", "PrepaymentFee")}
    for lender_type, day, cap, consumer, business in RULES:
        models["LenderRule"].objects.create(
            lender_type=lender_type, effective_from=day, price_cap=Decimal(cap), cap_method="simple",
            consumer_limit_fen=consumer, business_limit_fen=business,
        )
    for product in PRODUCTS:
        owner = uuid4()
        with schema_editor.connection.cursor() as cursor:
            accounts = {}
            for role, code in ACCOUNTS.items():
                cursor.execute(
                    "INSERT INTO ledger_account (type_code, owner, counted, cap) VALUES (%s, %s, false, '') RETURNING id",
                    [code, owner],
                )
                accounts[f"{role}_account_id"] = cursor.fetchone()[0]
        named = {name: product[name] for name in ("code", "name", "name_zh", "lender_type", "is_business")}
        made = models["Product"].objects.create(uuid=owner, **named, **accounts)
        version = models["ProductVersion"].objects.create(product=made, **(COMMON | product["version"]))
        for method, periods, unit, every, rate_from, rate_to, fees in product["offers"]:
            offer = models["Offer"].objects.create(
                version=version, method=method, periods=periods, unit=unit, every=every,
                rate_from=Decimal(rate_from), rate_to=Decimal(rate_to),
            )
            for last_period, rate in fees:
                models["PrepaymentFee"].objects.create(offer=offer, last_period=last_period, rate=Decimal(rate))


class Migration(migrations.Migration):
    dependencies = [("lending", "0001_initial"), ("ledger", "0005_loans")]

    operations = [
        migrations.RunPython(first_products, migrations.RunPython.noop),
        migrations.RunSQL(APPEND_ONLY, migrations.RunSQL.noop),
        migrations.RunSQL(NATURE, migrations.RunSQL.noop),
        migrations.RunSQL(WITHIN, migrations.RunSQL.noop),
    ]
