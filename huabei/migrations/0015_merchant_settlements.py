"""What is settled with merchants each day, and its payment; each merchant gets an account for it."""

import django.db.models.deletion
import django.db.models.expressions
import uuid
from datetime import date
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models

ACCOUNTS = """
INSERT INTO ledger_account (type_code, owner, counted, cap)
SELECT 'merchant_settlement', shop_id, false, '' FROM huabei_merchant;
UPDATE huabei_merchant SET settlement_account_id = account.id
FROM ledger_account AS account WHERE account.owner = shop_id AND account.type_code = 'merchant_settlement';
"""

APPEND_ONLY = "".join(
    f"""
CREATE TRIGGER {table}_is_append_only BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER {table}_is_not_truncated BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {settings.DATABASE_ROLE};
"""
    for table in ("huabei_settlement", "huabei_settlementpayment")
)


def first_terms(apps, schema_editor):
    apps.get_model("huabei", "MerchantTerms").objects.create(effective_from=date(2000, 1, 1))


class Migration(migrations.Migration):

    dependencies = [
        ('huabei', '0014_permissions_of_staff'),
        ('ledger', '0007_merchant_settlement'),
    ]

    operations = [
        migrations.AddField(
            model_name='merchant',
            name='settlement_account_id',
            field=models.BigIntegerField(null=True),
        ),
        migrations.RunSQL(ACCOUNTS, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name='merchant',
            name='settlement_account_id',
            field=models.BigIntegerField(unique=True),
        ),
        migrations.CreateModel(
            name='MerchantTerms',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('effective_from', models.DateField(unique=True, verbose_name='effective from')),
                ('discount_rate', models.DecimalField(decimal_places=6, default=Decimal('0'), max_digits=7, verbose_name="merchants' discount")),
            ],
            options={
                'verbose_name': 'terms of merchants',
                'verbose_name_plural': 'terms of merchants',
                'ordering': ['-effective_from'],
                'constraints': [models.CheckConstraint(condition=models.Q(('discount_rate__range', (0, Decimal('0.1')))), name='merchant_terms_discount_sensible')],
            },
        ),
        migrations.CreateModel(
            name='Settlement',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('settled_on', models.DateField(verbose_name='settled on')),
                ('captured_fen', models.BigIntegerField(verbose_name='captured')),
                ('refunded_fen', models.BigIntegerField(verbose_name='refunded')),
                ('reversed_fen', models.BigIntegerField(verbose_name='taken back')),
                ('subsidy_fen', models.BigIntegerField(verbose_name='fees paid for customers')),
                ('discount_fen', models.BigIntegerField(verbose_name="merchants' discount")),
                ('carried_fen', models.BigIntegerField(verbose_name='carried over')),
                ('amount_fen', models.BigIntegerField(verbose_name='settled')),
                ('entry_id', models.BigIntegerField(null=True)),
                ('merchant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='settlements', to='huabei.merchant')),
            ],
            options={
                'verbose_name': 'settlement',
                'verbose_name_plural': 'settlements',
            },
        ),
        migrations.CreateModel(
            name='SettlementPayment',
            fields=[
                ('settlement', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='payment', serialize=False, to='huabei.settlement')),
                ('reference', models.CharField(max_length=80, unique=True, verbose_name='reference')),
                ('amount_fen', models.BigIntegerField(verbose_name='amount')),
                ('paid_on', models.DateField(verbose_name='paid on')),
                ('entry_id', models.BigIntegerField()),
            ],
            options={
                'verbose_name': 'payment of a settlement',
                'verbose_name_plural': 'payments of settlements',
                'constraints': [models.CheckConstraint(condition=models.Q(('amount_fen__gt', 0)), name='settlement_payment_positive')],
            },
        ),
        migrations.AddConstraint(
            model_name='settlement',
            constraint=models.UniqueConstraint(fields=('merchant', 'settled_on'), name='settlement_once_per_merchant_and_day'),
        ),
        migrations.AddConstraint(
            model_name='settlement',
            constraint=models.CheckConstraint(condition=models.Q(('amount_fen', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('carried_fen'), '+', models.F('captured_fen')), '-', models.F('refunded_fen')), '-', models.F('reversed_fen')), '-', models.F('subsidy_fen')), '-', models.F('discount_fen'))), ('captured_fen__gte', 0), ('carried_fen__lte', 0), ('refunded_fen__gte', 0), ('reversed_fen__gte', 0), ('subsidy_fen__gte', 0)), name='settlement_adds_up'),
        ),
        migrations.AddConstraint(
            model_name='settlement',
            constraint=models.CheckConstraint(condition=models.Q(('amount_fen__lte', 0), ('entry_id__isnull', False), _connector='OR'), name='settlement_to_pay_is_posted'),
        ),
        migrations.RunSQL(APPEND_ONLY, migrations.RunSQL.noop),
        migrations.RunPython(first_terms, migrations.RunPython.noop),
    ]
