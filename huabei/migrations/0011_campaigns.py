"""Campaigns: merchants pay the fees of their customers' instalments, within a budget."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# What was promised does not change; an alert is raised once, and what has ended stays so.
GUARDS = f"""
CREATE TRIGGER huabei_campaign_keeps_its_promise BEFORE UPDATE OF id, merchant_id, name, starts_on, ends_on, smallest_fen,
    largest_fen, periods, budget_fen, alert_fen, budget_account_id, reference, request_hash, made_on ON huabei_campaign
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER huabei_campaign_ends_once BEFORE UPDATE ON huabei_campaign
    FOR EACH ROW WHEN (OLD.ended_on IS NOT NULL AND (OLD.ended_on, OLD."end", OLD.end_reason)
                                                    IS DISTINCT FROM (NEW.ended_on, NEW."end", NEW.end_reason)
        OR OLD.alerted_on IS NOT NULL AND OLD.alerted_on IS DISTINCT FROM NEW.alerted_on)
    EXECUTE FUNCTION ledger_refuse_change();
REVOKE DELETE, TRUNCATE ON huabei_campaign FROM {settings.DATABASE_ROLE};
"""


class Migration(migrations.Migration):

    dependencies = [
        ('ledger', '0006_campaign_budgets'),
        ('huabei', '0010_limits'),
    ]

    operations = [
        migrations.AddField(
            model_name='plan',
            name='subsidy_entry_id',
            field=models.BigIntegerField(null=True, unique=True),
        ),
        migrations.AddField(
            model_name='plan',
            name='subsidy_fen',
            field=models.BigIntegerField(db_default=0, default=0, verbose_name='fee paid by the merchant'),
        ),
        migrations.AddField(
            model_name='planchoice',
            name='subsidy_fen',
            field=models.BigIntegerField(db_default=0, default=0, verbose_name='fee reserved of the budget'),
        ),
        migrations.CreateModel(
            name='Campaign',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=80, verbose_name='name')),
                ('starts_on', models.DateField(verbose_name='first day')),
                ('ends_on', models.DateField(verbose_name='last day')),
                ('smallest_fen', models.BigIntegerField(verbose_name='smallest purchase')),
                ('largest_fen', models.BigIntegerField(verbose_name='largest purchase')),
                ('periods', django.contrib.postgres.fields.ArrayField(base_field=models.SmallIntegerField(), size=None, verbose_name='numbers of instalments')),
                ('budget_fen', models.BigIntegerField(verbose_name='budget')),
                ('alert_fen', models.BigIntegerField(verbose_name='alert once this much is used')),
                ('budget_account_id', models.BigIntegerField(unique=True)),
                ('reference', models.CharField(max_length=64, verbose_name='reference')),
                ('request_hash', models.BinaryField(max_length=32)),
                ('made_on', models.DateField(verbose_name='made on')),
                ('alerted_on', models.DateField(null=True, verbose_name='alerted on')),
                ('ended_on', models.DateField(null=True, verbose_name='ended on')),
                ('end', models.CharField(blank=True, choices=[('dates', 'its last day is over'), ('budget', 'its budget is spent'), ('stopped', 'stopped')], max_length=8, verbose_name='why it ended')),
                ('end_reason', models.CharField(blank=True, max_length=200, verbose_name='reason')),
                ('merchant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='campaigns', to='huabei.merchant')),
            ],
            options={
                'verbose_name': 'instalment campaign',
                'verbose_name_plural': 'instalment campaigns',
            },
        ),
        migrations.AddField(
            model_name='plan',
            name='campaign',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='plans', to='huabei.campaign'),
        ),
        migrations.AddField(
            model_name='planchoice',
            name='campaign',
            field=models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='choices', to='huabei.campaign'),
        ),
        migrations.AddConstraint(
            model_name='plan',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('subsidy_entry_id__isnull', True), ('subsidy_fen', 0)), models.Q(('campaign__isnull', False), ('fee_fen', 0), ('subsidy_entry_id__isnull', False), ('subsidy_fen__gt', 0)), _connector='OR'), name='plan_subsidy_of_a_campaign'),
        ),
        migrations.AddConstraint(
            model_name='planchoice',
            constraint=models.CheckConstraint(condition=models.Q(('subsidy_fen', 0), models.Q(('campaign__isnull', False), ('subsidy_fen__gt', 0)), _connector='OR'), name='plan_choice_subsidy_of_a_campaign'),
        ),
        migrations.AddIndex(
            model_name='campaign',
            index=models.Index(condition=models.Q(('ended_on__isnull', True)), fields=['merchant'], name='campaign_running'),
        ),
        migrations.AddConstraint(
            model_name='campaign',
            constraint=models.UniqueConstraint(fields=('merchant', 'reference'), name='campaign_once_per_reference'),
        ),
        migrations.AddConstraint(
            model_name='campaign',
            constraint=models.CheckConstraint(condition=models.Q(('ends_on__gte', models.F('starts_on')), ('largest_fen__gte', models.F('smallest_fen')), ('smallest_fen__gte', 1), ('alert_fen__gte', 1), ('alert_fen__lte', models.F('budget_fen')), ('budget_fen__gte', 1), ('periods__len__gte', 1)), name='campaign_sensible'),
        ),
        migrations.AddConstraint(
            model_name='campaign',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('end', ''), ('end_reason', ''), ('ended_on__isnull', True)), models.Q(('end__in', ['dates', 'budget', 'stopped']), ('ended_on__isnull', False)), _connector='OR'), name='campaign_ends_for_a_cause'),
        ),
        migrations.RunSQL(GUARDS, migrations.RunSQL.noop),
    ]
