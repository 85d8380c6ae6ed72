"""When borrowers are told of instalments; a day's facts are found without the rest."""

from datetime import date

from django.conf import settings
from django.db import migrations, models


APPEND_ONLY = f"""
CREATE TRIGGER lending_reminderday_is_append_only BEFORE UPDATE OR DELETE ON lending_reminderday
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER lending_reminderday_is_not_truncated BEFORE TRUNCATE ON lending_reminderday
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON lending_reminderday FROM {settings.DATABASE_ROLE};
"""

# Facts are written in the order of their days, so these cost next to nothing to keep.
BY_DAY = """
CREATE INDEX lending_loan_by_day ON lending_loan USING brin (signed_on) WITH (pages_per_range = 16, autosummarize = on);
CREATE INDEX lending_transaction_by_day ON lending_loantransaction USING brin (booked_on)
    WITH (pages_per_range = 16, autosummarize = on);
CREATE INDEX lending_orderevent_by_day ON lending_orderevent USING brin (booked_on)
    WITH (pages_per_range = 16, autosummarize = on);
"""
NOT_BY_DAY = "DROP INDEX lending_loan_by_day, lending_transaction_by_day, lending_orderevent_by_day"

# The due day itself is told too: what is collected by itself needs money behind it.
FIRST_REMINDERS = (-3, -1, 0, 1, 7, 30, 60)


def first_reminders(apps, schema_editor):
    """Ours."""
    for days in FIRST_REMINDERS:
        apps.get_model("lending", "ReminderDay").objects.create(effective_from=date(2000, 1, 1), days=days)


class Migration(migrations.Migration):

    dependencies = [
        ('lending', '0007_proceeds_payments'),
    ]

    operations = [
        migrations.CreateModel(
            name='ReminderDay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('effective_from', models.DateField(verbose_name='effective from')),
                ('days', models.SmallIntegerField(verbose_name='days after the due date')),
            ],
            options={
                'verbose_name': 'reminder day of loans',
                'verbose_name_plural': 'reminder days of loans',
                'ordering': ['-effective_from', 'days'],
                'constraints': [models.UniqueConstraint(fields=('effective_from', 'days'), name='loan_reminder_once_per_day'), models.CheckConstraint(condition=models.Q(('days__range', (-20, 400))), name='loan_reminder_sensible')],
            },
        ),
        migrations.RunPython(first_reminders, migrations.RunPython.noop),
        migrations.RunSQL(APPEND_ONLY, migrations.RunSQL.noop),
        migrations.RunSQL(BY_DAY, NOT_BY_DAY),
    ]
