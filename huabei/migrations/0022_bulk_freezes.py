"""Freezes of many lines at once, as acts of their own."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

from ledger.guards import append_only

GUARDS = append_only("huabei_bulkfreeze") + """CREATE TRIGGER huabei_freeze_keeps_its_bulk BEFORE UPDATE ON huabei_freeze
    FOR EACH ROW WHEN (OLD.bulk_id IS DISTINCT FROM NEW.bulk_id) EXECUTE FUNCTION ledger_refuse_change();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('huabei', '0021_opening_decisions'),
    ]

    operations = [
        migrations.CreateModel(
            name='BulkFreeze',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('cause', models.CharField(max_length=24, verbose_name='cause')),
                ('by', models.CharField(max_length=24, verbose_name='by')),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='note')),
                ('reference', models.CharField(max_length=64, verbose_name='reference')),
                ('request_hash', models.BinaryField(max_length=32)),
                ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='recorded at')),
                ('asked', models.IntegerField(verbose_name='lines asked for')),
                ('frozen_on', models.DateField(verbose_name='frozen on')),
            ],
            options={
                'verbose_name': 'freeze of many lines',
                'verbose_name_plural': 'freezes of many lines',
                'constraints': [models.UniqueConstraint(fields=('reference',), name='bulk_freeze_once_per_reference'), models.CheckConstraint(condition=models.Q(('asked__gte', 1)), name='bulk_freeze_asks_for_lines')],
            },
        ),
        migrations.AddField(
            model_name='freeze',
            name='bulk',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='freezes', to='huabei.bulkfreeze', verbose_name='frozen together with others by'),
        ),
        migrations.AddIndex(
            model_name='freeze',
            index=models.Index(condition=models.Q(('bulk__isnull', False)), fields=['bulk'], name='freeze_of_bulk'),
        ),
        migrations.RunSQL(GUARDS, migrations.RunSQL.noop),
    ]
