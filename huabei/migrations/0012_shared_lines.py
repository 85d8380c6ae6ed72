"""Lines shared with another person up to a monthly cap, and credit that is paid out."""

import django.db.models.deletion
import django.db.models.functions.datetime
import uuid
from datetime import date
from django.conf import settings
from django.db import migrations, models

FACTS = ("huabei_creditpayout", "huabei_sharechange", "huabei_sharedpurchase")

GUARDS = "".join(
    f"""
CREATE TRIGGER {table}_is_append_only BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER {table}_is_not_truncated BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {settings.DATABASE_ROLE};
"""
    for table in FACTS
) + f"""
CREATE TRIGGER huabei_sharedline_keeps_its_nature BEFORE UPDATE OF id, uuid, line_id, beneficiary_id, invited_on
    ON huabei_sharedline FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER huabei_sharedline_stays_closed BEFORE UPDATE OF status ON huabei_sharedline
    FOR EACH ROW WHEN (OLD.status = 'closed' AND NEW.status <> 'closed') EXECUTE FUNCTION ledger_refuse_change();
REVOKE DELETE, TRUNCATE ON huabei_sharedline, huabei_sharemonth FROM {settings.DATABASE_ROLE};
"""


def first_terms(apps, schema_editor):
    apps.get_model("huabei", "ShareTerms").objects.create(effective_from=date(2000, 1, 1))



class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0004_api_keys'),
        ('huabei', '0011_campaigns'),
    ]

    operations = [
        migrations.CreateModel(
            name='SharedLine',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('status', models.CharField(choices=[('invited', 'invited'), ('active', 'active'), ('closed', 'closed')], max_length=8, verbose_name='status')),
                ('monthly_cap_fen', models.BigIntegerField(verbose_name='monthly cap')),
                ('invited_on', models.DateField(verbose_name='invited on')),
                ('beneficiary', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.customer')),
                ('line', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='shares', to='huabei.line')),
            ],
            options={
                'verbose_name': 'shared line',
                'verbose_name_plural': 'shared lines',
            },
        ),
        migrations.CreateModel(
            name='ShareChange',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('invited', 'invited'), ('accepted', 'accepted'), ('cap', 'cap changed'), ('closed', 'closed')], max_length=8, verbose_name='kind')),
                ('by', models.CharField(max_length=24, verbose_name='by')),
                ('changed_on', models.DateField(verbose_name='changed on')),
                ('cap_fen', models.BigIntegerField(verbose_name='monthly cap')),
                ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='recorded at')),
                ('share', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='changes', to='huabei.sharedline')),
            ],
            options={
                'verbose_name': 'change of a shared line',
                'verbose_name_plural': 'changes of shared lines',
            },
        ),
        migrations.CreateModel(
            name='SharedPurchase',
            fields=[
                ('purchase', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, primary_key=True, related_name='shared', serialize=False, to='huabei.purchase')),
                ('month', models.DateField(verbose_name='month')),
                ('share', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='purchases', to='huabei.sharedline')),
            ],
            options={
                'verbose_name': 'purchase through a shared line',
                'verbose_name_plural': 'purchases through shared lines',
            },
        ),
        migrations.CreateModel(
            name='ShareMonth',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('month', models.DateField(verbose_name='month')),
                ('cap_fen', models.BigIntegerField(verbose_name='monthly cap')),
                ('spent_fen', models.BigIntegerField(verbose_name='spent')),
                ('share', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='months', to='huabei.sharedline')),
            ],
            options={
                'verbose_name': 'month of a shared line',
                'verbose_name_plural': 'months of shared lines',
            },
        ),
        migrations.CreateModel(
            name='ShareTerms',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('effective_from', models.DateField(unique=True, verbose_name='effective from')),
                ('smallest_cap_fen', models.BigIntegerField(default=10000, verbose_name='smallest monthly cap')),
                ('largest_cap_fen', models.BigIntegerField(default=2000000, verbose_name='largest monthly cap')),
            ],
            options={
                'verbose_name': 'terms of shared lines',
                'verbose_name_plural': 'terms of shared lines',
                'ordering': ['-effective_from'],
                'constraints': [models.CheckConstraint(condition=models.Q(('largest_cap_fen__gte', models.F('smallest_cap_fen')), ('smallest_cap_fen__gt', 0)), name='share_terms_in_order')],
            },
        ),
        migrations.CreateModel(
            name='CreditPayout',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('reference', models.CharField(max_length=64, verbose_name='reference')),
                ('request_hash', models.BinaryField(max_length=32)),
                ('amount_fen', models.BigIntegerField(verbose_name='amount')),
                ('by', models.CharField(max_length=24, verbose_name='by')),
                ('paid_on', models.DateField(verbose_name='paid on')),
                ('entry_id', models.BigIntegerField()),
                ('line', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='credit_payouts', to='huabei.line')),
            ],
            options={
                'verbose_name': 'credit paid out',
                'verbose_name_plural': 'credit paid out',
                'constraints': [models.UniqueConstraint(fields=('line', 'reference'), name='credit_payout_once_per_reference'), models.CheckConstraint(condition=models.Q(('amount_fen__gt', 0)), name='credit_payout_positive')],
            },
        ),
        migrations.AddConstraint(
            model_name='sharedline',
            constraint=models.UniqueConstraint(condition=models.Q(('status', 'closed'), _negated=True), fields=('line', 'beneficiary'), name='share_one_live_per_person'),
        ),
        migrations.AddConstraint(
            model_name='sharedline',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['invited', 'active', 'closed'])), name='share_status_known'),
        ),
        migrations.AddConstraint(
            model_name='sharedline',
            constraint=models.CheckConstraint(condition=models.Q(('monthly_cap_fen__gt', 0)), name='share_cap_positive'),
        ),
        migrations.AddConstraint(
            model_name='sharechange',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['invited', 'accepted', 'cap', 'closed'])), name='share_change_kind_known'),
        ),
        migrations.AddIndex(
            model_name='sharedpurchase',
            index=models.Index(fields=['share', 'month'], name='shared_purchase_by_share'),
        ),
        migrations.AddConstraint(
            model_name='sharemonth',
            constraint=models.UniqueConstraint(fields=('share', 'month'), name='share_month_once'),
        ),
        migrations.AddConstraint(
            model_name='sharemonth',
            constraint=models.CheckConstraint(condition=models.Q(('spent_fen__gte', 0), ('spent_fen__lte', models.F('cap_fen'))), name='share_month_within_cap'),
        ),
        migrations.RunSQL(GUARDS),
        migrations.RunPython(first_terms, migrations.RunPython.noop),
    ]
