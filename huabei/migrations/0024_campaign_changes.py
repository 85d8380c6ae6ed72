"""Changes of campaigns and alerts of their budgets, as facts."""

import django.db.models.deletion
from django.db import migrations, models

from ledger.guards import append_only

# What a campaign promises changes only as its last change says, which is written before.
GUARDS = append_only("huabei_campaignchange", "huabei_campaignalert") + """
DROP TRIGGER huabei_campaign_keeps_its_promise ON huabei_campaign;
CREATE TRIGGER huabei_campaign_keeps_its_promise BEFORE UPDATE OF id, merchant_id, name, periods, budget_account_id, reference,
    request_hash, made_on ON huabei_campaign
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE FUNCTION huabei_campaign_is_as_its_change_says() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.starts_on, NEW.ends_on, NEW.smallest_fen, NEW.largest_fen, NEW.budget_fen, NEW.alert_fen) IS DISTINCT FROM
       (SELECT (starts_on, ends_on, smallest_fen, largest_fen, budget_fen, alert_fen) FROM huabei_campaignchange
        WHERE campaign_id = NEW.id ORDER BY id DESC LIMIT 1) THEN
        RAISE EXCEPTION 'UPDATE on huabei_campaign refused: facts are corrected by mirror transfers, never changed without one'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER huabei_campaign_changes_by_a_fact
    BEFORE UPDATE OF starts_on, ends_on, smallest_fen, largest_fen, budget_fen, alert_fen ON huabei_campaign
    FOR EACH ROW WHEN ((OLD.starts_on, OLD.ends_on, OLD.smallest_fen, OLD.largest_fen, OLD.budget_fen, OLD.alert_fen)
        IS DISTINCT FROM (NEW.starts_on, NEW.ends_on, NEW.smallest_fen, NEW.largest_fen, NEW.budget_fen, NEW.alert_fen))
    EXECUTE FUNCTION huabei_campaign_is_as_its_change_says();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('huabei', '0023_order_of_payment'),
    ]

    operations = [
        migrations.CreateModel(
            name='CampaignAlert',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('raised_on', models.DateField(verbose_name='alerted on')),
                ('used_fen', models.BigIntegerField(verbose_name='used of the budget')),
                ('budget_fen', models.BigIntegerField(verbose_name='budget')),
                ('alert_fen', models.BigIntegerField(verbose_name='alert once this much is used')),
                ('campaign', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='alerts', to='huabei.campaign')),
            ],
            options={
                'verbose_name': 'alert of a campaign',
                'verbose_name_plural': 'alerts of campaigns',
                'constraints': [models.UniqueConstraint(fields=('campaign', 'budget_fen', 'alert_fen'), name='campaign_alert_once_per_budget'), models.CheckConstraint(condition=models.Q(('alert_fen__gte', 1), ('used_fen__gte', models.F('alert_fen')), ('used_fen__lte', models.F('budget_fen'))), name='campaign_alert_has_a_cause')],
            },
        ),
        migrations.CreateModel(
            name='CampaignChange',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('changed_on', models.DateField(verbose_name='changed on')),
                ('starts_on', models.DateField(verbose_name='first day')),
                ('ends_on', models.DateField(verbose_name='last day')),
                ('smallest_fen', models.BigIntegerField(verbose_name='smallest purchase')),
                ('largest_fen', models.BigIntegerField(verbose_name='largest purchase')),
                ('budget_fen', models.BigIntegerField(verbose_name='budget')),
                ('alert_fen', models.BigIntegerField(verbose_name='alert once this much is used')),
                ('by', models.CharField(max_length=24, verbose_name='by')),
                ('reason', models.CharField(max_length=200, verbose_name='reason')),
                ('reference', models.CharField(max_length=64, verbose_name='reference')),
                ('request_hash', models.BinaryField(max_length=32)),
                ('entry_id', models.BigIntegerField(null=True)),
                ('campaign', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='changes', to='huabei.campaign')),
            ],
            options={
                'verbose_name': 'change of a campaign',
                'verbose_name_plural': 'changes of campaigns',
                'constraints': [models.UniqueConstraint(fields=('campaign', 'reference'), name='campaign_change_once_per_reference'), models.CheckConstraint(condition=models.Q(models.Q(('reason', ''), _negated=True), models.Q(('by', ''), _negated=True)), name='campaign_change_has_a_reason')],
            },
        ),
        migrations.RunSQL(GUARDS, migrations.RunSQL.noop),
    ]
