"""From which day on the books are proved to hold back what is settled with suspended merchants: not before it was done."""

from django.db import migrations, models

from ledger.guards import append_only

# A bank that paid a merchant before goes on proving those payments otherwise; one that paid none holds back from the start.
BEGIN = """
INSERT INTO huabei_holdback (since)
SELECT max(asked_on) + 1
FROM payments_paymentattempt AS attempt JOIN payments_paymentorder AS ordered ON ordered.id = attempt.order_id
WHERE ordered.purpose = 'huabei.settlement' HAVING count(*) > 0
"""


class Migration(migrations.Migration):

    dependencies = [
        ('huabei', '0030_receipt_reminders'),
        ('payments', '0004_by_the_day_they_ended'),
    ]

    operations = [
        migrations.CreateModel(
            name='HoldBack',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('since', models.DateField(unique=True, verbose_name='since')),
            ],
            options={
                'verbose_name': 'beginning of holding back',
                'verbose_name_plural': 'beginnings of holding back',
            },
        ),
        migrations.RunSQL(append_only('huabei_holdback'), migrations.RunSQL.noop),
        migrations.RunSQL(BEGIN, migrations.RunSQL.noop),
    ]
