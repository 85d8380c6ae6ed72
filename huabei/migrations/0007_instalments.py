"""Instalments: dated terms, plans, their rows, and what ended rows before they were billed."""

from datetime import date
from decimal import Decimal

import django.db.models.deletion
import django.db.models.expressions
from django.conf import settings
from django.db import migrations, models

FACTS = ("huabei_planchoice", "huabei_plan", "huabei_payoff", "huabei_planrefund")

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

# A row of a plan is billed or ended, once; nothing else about it changes, and none is removed.
ONLY_BILLS = f"""
CREATE TRIGGER huabei_planrow_only_bills BEFORE UPDATE ON huabei_planrow
    FOR EACH ROW WHEN (OLD.billed_on IS NOT NULL OR OLD.ended_on IS NOT NULL
        OR (OLD.id, OLD.plan_id, OLD.line_id, OLD.number, OLD.principal_fen, OLD.fee_fen)
            IS DISTINCT FROM (NEW.id, NEW.plan_id, NEW.line_id, NEW.number, NEW.principal_fen, NEW.fee_fen))
    EXECUTE FUNCTION ledger_refuse_change();
REVOKE DELETE, TRUNCATE ON huabei_planrow FROM {settings.DATABASE_ROLE};
"""

# Dues of before had no instalments, so each asked for a share of all principal of its statement.
SHARES = """
UPDATE huabei_due SET share_base_fen = statement.principal_fen
FROM huabei_statement AS statement WHERE statement.id = statement_id
"""

# Number of instalments → fee for all of them. Source: DOMAIN, Huabei.
FIRST_OPTIONS = {3: Decimal("0.025"), 6: Decimal("0.045"), 9: Decimal("0.065"), 12: Decimal("0.088")}


def first_terms(apps, schema_editor):
    terms = apps.get_model("huabei", "InstalmentTerms").objects.create(effective_from=date(2000, 1, 1))
    options = apps.get_model("huabei", "InstalmentOption")
    for periods, fee_rate in FIRST_OPTIONS.items():
        options.objects.create(terms=terms, periods=periods, fee_rate=fee_rate)


class Migration(migrations.Migration):

    dependencies = [
        ('huabei', '0006_delinquency_guards'),
    ]

    operations = [
        migrations.CreateModel(
            name='InstalmentOption',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('periods', models.SmallIntegerField(verbose_name='instalments')),
                ('fee_rate', models.DecimalField(decimal_places=6, max_digits=7, verbose_name='fee rate in total')),
            ],
            options={
                'verbose_name': 'instalment option',
                'verbose_name_plural': 'instalment options',
                'ordering': ['periods'],
            },
        ),
        migrations.CreateModel(
            name='InstalmentTerms',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('effective_from', models.DateField(unique=True, verbose_name='effective from')),
                ('early_payoff', models.CharField(choices=[('fees_stay_due', 'remaining fees stay due'), ('fees_waived', 'remaining fees are waived')], default='fees_stay_due', max_length=16, verbose_name='early payoff')),
                ('smallest_statement_plan_fen', models.BigIntegerField(default=10000, verbose_name='smallest amount of a statement in instalments')),
            ],
            options={
                'verbose_name': 'instalment terms',
                'verbose_name_plural': 'instalment terms',
                'ordering': ['-effective_from'],
            },
        ),
        migrations.CreateModel(
            name='Payoff',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('reference', models.CharField(max_length=64, verbose_name='reference')),
                ('principal_fen', models.BigIntegerField(verbose_name='principal')),
                ('fee_fen', models.BigIntegerField(verbose_name='fees charged')),
                ('waived_fen', models.BigIntegerField(verbose_name='fees waived')),
                ('paid_on', models.DateField(verbose_name='paid on')),
                ('entry_id', models.BigIntegerField(unique=True)),
            ],
            options={
                'verbose_name': 'early payoff',
                'verbose_name_plural': 'early payoffs',
            },
        ),
        migrations.CreateModel(
            name='Plan',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('reference', models.CharField(blank=True, max_length=64, verbose_name='reference')),
                ('request_hash', models.BinaryField(max_length=32, null=True)),
                ('principal_fen', models.BigIntegerField(verbose_name='principal')),
                ('periods', models.SmallIntegerField(verbose_name='instalments')),
                ('fee_rate', models.DecimalField(decimal_places=6, max_digits=7, verbose_name='fee rate in total')),
                ('fee_fen', models.BigIntegerField(verbose_name='fee in total')),
                ('payoff_rule', models.CharField(choices=[('fees_stay_due', 'remaining fees stay due'), ('fees_waived', 'remaining fees are waived')], max_length=16, verbose_name='early payoff')),
                ('made_on', models.DateField(verbose_name='made on')),
                ('entry_id', models.BigIntegerField(unique=True)),
            ],
            options={
                'verbose_name': 'instalment plan',
                'verbose_name_plural': 'instalment plans',
            },
        ),
        migrations.CreateModel(
            name='PlanChoice',
            fields=[
                ('purchase', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, primary_key=True, related_name='choice', serialize=False, to='huabei.purchase')),
                ('periods', models.SmallIntegerField(verbose_name='instalments')),
                ('fee_rate', models.DecimalField(decimal_places=6, max_digits=7, verbose_name='fee rate in total')),
                ('payoff_rule', models.CharField(choices=[('fees_stay_due', 'remaining fees stay due'), ('fees_waived', 'remaining fees are waived')], max_length=16, verbose_name='early payoff')),
            ],
            options={
                'verbose_name': 'chosen instalments',
                'verbose_name_plural': 'chosen instalments',
            },
        ),
        migrations.CreateModel(
            name='PlanRefund',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('principal_fen', models.BigIntegerField(verbose_name='principal')),
                ('fee_fen', models.BigIntegerField(verbose_name='fees dropped')),
                ('refunded_on', models.DateField(verbose_name='refunded on')),
                ('entry_id', models.BigIntegerField()),
            ],
            options={
                'verbose_name': 'refund of instalments',
                'verbose_name_plural': 'refunds of instalments',
            },
        ),
        migrations.CreateModel(
            name='PlanRow',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('number', models.SmallIntegerField(verbose_name='number')),
                ('principal_fen', models.BigIntegerField(verbose_name='principal')),
                ('fee_fen', models.BigIntegerField(verbose_name='fee')),
                ('billed_on', models.DateField(null=True, verbose_name='billed on')),
                ('ended_on', models.DateField(null=True, verbose_name='ended on')),
            ],
            options={
                'verbose_name': 'instalment',
                'verbose_name_plural': 'instalments',
                'ordering': ['plan', 'number', 'id'],
            },
        ),
        migrations.RemoveConstraint(
            model_name='refund',
            name='refund_goes_somewhere',
        ),
        migrations.AddField(
            model_name='due',
            name='instalment_fen',
            field=models.BigIntegerField(db_default=0, default=0, verbose_name='of it instalments'),
        ),
        migrations.AddField(
            model_name='due',
            name='share_base_fen',
            field=models.BigIntegerField(db_default=0, default=0, verbose_name='principal asked for in part'),
        ),
        migrations.AddField(
            model_name='refund',
            name='to_instalment_fen',
            field=models.BigIntegerField(db_default=0, default=0, verbose_name='off instalments to come'),
        ),
        migrations.AddField(
            model_name='statement',
            name='new_fee_fen',
            field=models.BigIntegerField(db_default=0, default=0, verbose_name='newly billed fees'),
        ),
        migrations.AddField(
            model_name='statement',
            name='new_instalment_fen',
            field=models.BigIntegerField(db_default=0, default=0, verbose_name='newly billed instalments'),
        ),
        migrations.AddConstraint(
            model_name='due',
            constraint=models.CheckConstraint(condition=models.Q(('instalment_fen__gte', 0), ('instalment_fen__lte', models.F('principal_fen')), ('share_base_fen__gte', 0)), name='due_instalments_within_principal'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(('amount_fen__gt', 0), ('amount_fen', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('to_unbilled_fen'), '+', models.F('to_instalment_fen')), '+', models.F('to_billed_fen')), '+', models.F('to_credit_fen'))), ('to_billed_fen__gte', 0), ('to_credit_fen__gte', 0), ('to_instalment_fen__gte', 0), ('to_unbilled_fen__gte', 0)), name='refund_goes_somewhere'),
        ),
        migrations.AddConstraint(
            model_name='instalmentterms',
            constraint=models.CheckConstraint(condition=models.Q(('early_payoff__in', ['fees_stay_due', 'fees_waived'])), name='instalment_terms_payoff_known'),
        ),
        migrations.AddConstraint(
            model_name='instalmentterms',
            constraint=models.CheckConstraint(condition=models.Q(('smallest_statement_plan_fen__gte', 1)), name='instalment_terms_smallest_positive'),
        ),
        migrations.AddField(
            model_name='instalmentoption',
            name='terms',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='options', to='huabei.instalmentterms'),
        ),
        migrations.AddField(
            model_name='plan',
            name='due',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='plans', to='huabei.due'),
        ),
        migrations.AddField(
            model_name='plan',
            name='line',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='plans', to='huabei.line'),
        ),
        migrations.AddField(
            model_name='plan',
            name='purchase',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='plans', to='huabei.purchase'),
        ),
        migrations.AddField(
            model_name='plan',
            name='terms',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='huabei.instalmentterms'),
        ),
        migrations.AddField(
            model_name='payoff',
            name='plan',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='payoff', to='huabei.plan'),
        ),
        migrations.AddField(
            model_name='planchoice',
            name='terms',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='huabei.instalmentterms'),
        ),
        migrations.AddField(
            model_name='planrefund',
            name='plan',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='refunds', to='huabei.plan'),
        ),
        migrations.AddField(
            model_name='planrefund',
            name='refund',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='off_plans', to='huabei.refund'),
        ),
        migrations.AddField(
            model_name='planrow',
            name='line',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='huabei.line'),
        ),
        migrations.AddField(
            model_name='planrow',
            name='plan',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='rows', to='huabei.plan'),
        ),
        migrations.AddConstraint(
            model_name='instalmentoption',
            constraint=models.UniqueConstraint(fields=('terms', 'periods'), name='instalment_option_once_per_periods'),
        ),
        migrations.AddConstraint(
            model_name='instalmentoption',
            constraint=models.CheckConstraint(condition=models.Q(('fee_rate__range', (0, Decimal('0.5'))), ('periods__range', (2, 60))), name='instalment_option_sensible'),
        ),
        migrations.AddConstraint(
            model_name='plan',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('due__isnull', True), ('purchase__isnull', False), ('reference', '')), models.Q(('due__isnull', False), ('purchase__isnull', True), models.Q(('reference', ''), _negated=True)), _connector='OR'), name='plan_of_a_purchase_or_a_statement'),
        ),
        migrations.AddConstraint(
            model_name='plan',
            constraint=models.UniqueConstraint(condition=models.Q(('reference', ''), _negated=True), fields=('line', 'reference'), name='plan_once_per_reference'),
        ),
        migrations.AddConstraint(
            model_name='plan',
            constraint=models.CheckConstraint(condition=models.Q(('fee_fen__gte', 0), ('fee_rate__gte', 0), ('periods__gte', 2), ('principal_fen__gte', 1)), name='plan_amounts_sensible'),
        ),
        migrations.AddConstraint(
            model_name='plan',
            constraint=models.CheckConstraint(condition=models.Q(('payoff_rule__in', ['fees_stay_due', 'fees_waived'])), name='plan_payoff_rule_known'),
        ),
        migrations.AddConstraint(
            model_name='payoff',
            constraint=models.CheckConstraint(condition=models.Q(('fee_fen__gte', 0), ('principal_fen__gte', 0), ('waived_fen__gte', 0), models.Q(('fee_fen', 0), ('waived_fen', 0), _connector='OR')), name='payoff_amounts_sensible'),
        ),
        migrations.AddConstraint(
            model_name='planchoice',
            constraint=models.CheckConstraint(condition=models.Q(('fee_rate__gte', 0), ('payoff_rule__in', ['fees_stay_due', 'fees_waived']), ('periods__gte', 2)), name='plan_choice_sensible'),
        ),
        migrations.AddConstraint(
            model_name='planrefund',
            constraint=models.UniqueConstraint(fields=('plan', 'refund'), name='plan_refund_once'),
        ),
        migrations.AddConstraint(
            model_name='planrefund',
            constraint=models.CheckConstraint(condition=models.Q(('fee_fen__gte', 0), ('principal_fen__gte', 1)), name='plan_refund_amounts_sensible'),
        ),
        migrations.AddIndex(
            model_name='planrow',
            index=models.Index(condition=models.Q(('billed_on__isnull', True), ('ended_on__isnull', True)), fields=['line', 'plan', 'number'], name='plan_row_to_come'),
        ),
        migrations.AddIndex(
            model_name='planrow',
            index=models.Index(condition=models.Q(('billed_on__isnull', False)), fields=['line', 'billed_on'], name='plan_row_billed'),
        ),
        migrations.AddConstraint(
            model_name='planrow',
            constraint=models.UniqueConstraint(condition=models.Q(('ended_on__isnull', True)), fields=('plan', 'number'), name='plan_row_once_per_number'),
        ),
        migrations.AddConstraint(
            model_name='planrow',
            constraint=models.CheckConstraint(condition=models.Q(('fee_fen__gte', 0), ('number__gte', 1), ('principal_fen__gte', 0)), name='plan_row_amounts_sensible'),
        ),
        migrations.AddConstraint(
            model_name='planrow',
            constraint=models.CheckConstraint(condition=models.Q(('billed_on__isnull', True), ('ended_on__isnull', True), _connector='OR'), name='plan_row_billed_or_ended'),
        ),
        migrations.RunSQL(SHARES, migrations.RunSQL.noop),
        migrations.RunSQL(APPEND_ONLY, migrations.RunSQL.noop),
        migrations.RunSQL(ONLY_BILLS, migrations.RunSQL.noop),
        migrations.RunPython(first_terms, migrations.RunPython.noop),
    ]
