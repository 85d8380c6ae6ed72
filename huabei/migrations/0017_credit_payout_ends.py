"""What became of credit that was sent to customers through payments."""

import django.db.models.deletion
from django.db import migrations, models
from django.conf import settings

APPEND_ONLY = f"""
CREATE TRIGGER huabei_creditpayoutend_is_append_only BEFORE UPDATE OR DELETE ON huabei_creditpayoutend
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER huabei_creditpayoutend_is_not_truncated BEFORE TRUNCATE ON huabei_creditpayoutend
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON huabei_creditpayoutend FROM {settings.DATABASE_ROLE};
"""


class Migration(migrations.Migration):

    dependencies = [
        ('huabei', '0016_share_invitations'),
    ]

    operations = [
        migrations.CreateModel(
            name='CreditPayoutEnd',
            fields=[
                ('payout', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='end', serialize=False, to='huabei.creditpayout')),
                ('arrived', models.BooleanField(verbose_name='arrived')),
                ('ended_on', models.DateField(verbose_name='ended on')),
                ('entry_id', models.BigIntegerField()),
            ],
            options={
                'verbose_name': 'end of a payout of credit',
                'verbose_name_plural': 'ends of payouts of credit',
            },
        ),
        migrations.RunSQL(APPEND_ONLY, migrations.RunSQL.noop),
    ]
