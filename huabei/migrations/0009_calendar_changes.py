"""Changes of the statement day."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


APPEND_ONLY = f"""
CREATE TRIGGER huabei_calendarchange_is_append_only BEFORE UPDATE OR DELETE ON huabei_calendarchange
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER huabei_calendarchange_is_not_truncated BEFORE TRUNCATE ON huabei_calendarchange
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON huabei_calendarchange FROM {settings.DATABASE_ROLE};
"""


class Migration(migrations.Migration):

    dependencies = [
        ('huabei', '0008_purchases_by_merchant'),
    ]

    operations = [
        migrations.CreateModel(
            name='CalendarChange',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('changed_on', models.DateField(verbose_name='changed on')),
                ('statement_day_before', models.SmallIntegerField(verbose_name='statement day before')),
                ('due_day_before', models.SmallIntegerField(verbose_name='due day before')),
                ('statement_day', models.SmallIntegerField(verbose_name='statement day')),
                ('due_day', models.SmallIntegerField(verbose_name='due day')),
                ('line', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='calendar_changes', to='huabei.line')),
            ],
            options={
                'verbose_name': 'change of the statement day',
                'verbose_name_plural': 'changes of the statement day',
                'constraints': [models.UniqueConstraint(fields=('line', 'changed_on'), name='calendar_change_once_a_day'), models.CheckConstraint(condition=models.Q(('statement_day', models.F('statement_day_before')), _negated=True), name='calendar_change_changes')],
            },
        ),
        migrations.RunSQL(APPEND_ONLY, migrations.RunSQL.noop),
    ]
