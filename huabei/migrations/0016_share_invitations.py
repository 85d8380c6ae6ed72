"""Invitations to shared lines, which say nothing of whether they reached anybody."""

import django.db.models.deletion
import uuid
from django.db import migrations, models
from django.conf import settings

GUARDS = f"""
CREATE TRIGGER huabei_shareinvitation_keeps_its_nature
    BEFORE UPDATE OF id, uuid, line_id, full_name, phone_index, masked_phone, monthly_cap_fen, invited_on, share_id
    ON huabei_shareinvitation FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER huabei_shareinvitation_stays_ended BEFORE UPDATE OF ended_on ON huabei_shareinvitation
    FOR EACH ROW WHEN (OLD.ended_on IS NOT NULL) EXECUTE FUNCTION ledger_refuse_change();
REVOKE DELETE, TRUNCATE ON huabei_shareinvitation FROM {settings.DATABASE_ROLE};
"""


class Migration(migrations.Migration):

    dependencies = [
        ('huabei', '0015_merchant_settlements'),
    ]

    operations = [
        migrations.CreateModel(
            name='ShareInvitation',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('full_name', models.CharField(max_length=64, verbose_name='name')),
                ('phone_index', models.BinaryField(max_length=32)),
                ('masked_phone', models.CharField(max_length=16, verbose_name='phone')),
                ('monthly_cap_fen', models.BigIntegerField(verbose_name='monthly cap')),
                ('invited_on', models.DateField(verbose_name='invited on')),
                ('ended_on', models.DateField(blank=True, null=True, verbose_name='ended on')),
                ('line', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='invitations', to='huabei.line')),
                ('share', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='invitation', to='huabei.sharedline')),
            ],
            options={
                'verbose_name': 'invitation to a shared line',
                'verbose_name_plural': 'invitations to shared lines',
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_on__isnull', True)), fields=('line', 'phone_index', 'full_name'), name='share_invitation_one_live_per_person'), models.CheckConstraint(condition=models.Q(('monthly_cap_fen__gt', 0)), name='share_invitation_cap_positive')],
            },
        ),
        migrations.RunSQL(GUARDS, migrations.RunSQL.noop),
    ]
