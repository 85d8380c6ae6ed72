"""Sellers are suspended and reinstated; what is said of one is never changed."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

from ledger.guards import append_only


class Migration(migrations.Migration):

    dependencies = [
        ('lending', '0013_settlements_undone'),
    ]

    operations = [
        migrations.AddField(
            model_name='seller',
            name='is_suspended',
            field=models.BooleanField(default=False, verbose_name='suspended'),
        ),
        migrations.CreateModel(
            name='SellerChange',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('suspended', 'suspended'), ('reinstated', 'reinstated')], max_length=10, verbose_name='kind')),
                ('cause', models.CharField(choices=[('fake_shipment', 'suspected fake shipments'), ('complaints', 'complaints of buyers'), ('platform', 'suspended by the platform'), ('authority', 'an order of an authority'), ('cleared', 'cleared up'), ('mistake', 'suspended by mistake')], max_length=16, verbose_name='cause')),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='note')),
                ('by', models.CharField(max_length=24, verbose_name='by')),
                ('changed_on', models.DateField(verbose_name='changed on')),
                ('reference', models.CharField(max_length=64, verbose_name='reference')),
                ('request_hash', models.BinaryField(max_length=32)),
                ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='recorded at')),
                ('seller', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='changes', to='lending.seller')),
            ],
            options={
                'verbose_name': 'change of a seller',
                'verbose_name_plural': 'changes of sellers',
                'permissions': [('suspend_seller', 'Can suspend sellers and reinstate them')],
                'constraints': [models.UniqueConstraint(fields=('seller', 'reference'), name='seller_change_once_per_reference'), models.CheckConstraint(condition=models.Q(models.Q(('cause__in', ('fake_shipment', 'complaints', 'platform', 'authority')), ('kind', 'suspended')), models.Q(('cause__in', ('cleared', 'mistake')), ('kind', 'reinstated')), _connector='OR'), name='seller_change_sensible')],
            },
        ),
        migrations.RunSQL(append_only('lending_sellerchange'), migrations.RunSQL.noop),
    ]
