"""What a loan leaves of proceeds is paid to the seller once; its payment is never changed."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


APPEND_ONLY = f"""
CREATE TRIGGER lending_proceedspayment_is_append_only BEFORE UPDATE OR DELETE ON lending_proceedspayment
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER lending_proceedspayment_is_not_truncated BEFORE TRUNCATE ON lending_proceedspayment
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON lending_proceedspayment FROM {settings.DATABASE_ROLE};
"""


class Migration(migrations.Migration):

    dependencies = [
        ('lending', '0006_orders_are_facts'),
    ]

    operations = [
        migrations.CreateModel(
            name='ProceedsPayment',
            fields=[
                ('event', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='payment', serialize=False, to='lending.orderevent')),
                ('reference', models.CharField(max_length=80, unique=True, verbose_name='reference')),
                ('amount_fen', models.BigIntegerField(verbose_name='amount')),
                ('paid_on', models.DateField(verbose_name='paid on')),
                ('entry_id', models.BigIntegerField(unique=True)),
            ],
            options={
                'verbose_name': 'payment of proceeds',
                'verbose_name_plural': 'payments of proceeds',
                'constraints': [models.CheckConstraint(condition=models.Q(('amount_fen__gt', 0)), name='proceeds_payment_positive')],
            },
        ),
        migrations.RunSQL(APPEND_ONLY, migrations.RunSQL.noop),
    ]
