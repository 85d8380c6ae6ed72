"""Which steps a close has still ahead, and which lines went ahead of it: that a line did is never changed or forgotten."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

GUARDS = f"""
CREATE TRIGGER huabei_madeup_is_append_only BEFORE UPDATE OR DELETE ON huabei_madeup
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER huabei_madeup_is_not_truncated BEFORE TRUNCATE ON huabei_madeup
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON huabei_madeup FROM {settings.DATABASE_ROLE};
REVOKE UPDATE, TRUNCATE ON huabei_stepahead FROM {settings.DATABASE_ROLE};
"""


class Migration(migrations.Migration):

    dependencies = [
        ('huabei', '0018_escrow_and_suspended_merchants'),
    ]

    operations = [
        migrations.CreateModel(
            name='StepAhead',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('closed_on', models.DateField(verbose_name='day closed')),
                ('step', models.CharField(max_length=48, verbose_name='step')),
            ],
            options={
                'verbose_name': 'step ahead of a close',
                'verbose_name_plural': 'steps ahead of a close',
                'constraints': [models.UniqueConstraint(fields=('closed_on', 'step'), name='step_ahead_once')],
            },
        ),
        migrations.CreateModel(
            name='MadeUp',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('closed_on', models.DateField(verbose_name='day closed')),
                ('line', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='huabei.line')),
            ],
            options={
                'verbose_name': 'line ahead of a close',
                'verbose_name_plural': 'lines ahead of a close',
                'constraints': [models.UniqueConstraint(fields=('closed_on', 'line'), name='made_up_once')],
            },
        ),
        migrations.RunSQL(GUARDS, migrations.RunSQL.noop),
    ]
