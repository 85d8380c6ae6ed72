"""Contracts of loans as documents: kept as files, whose hash PostgreSQL itself takes."""

import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

APPEND_ONLY = f"""
CREATE TRIGGER lending_loancontract_is_append_only BEFORE UPDATE OR DELETE ON lending_loancontract
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER lending_loancontract_is_not_truncated BEFORE TRUNCATE ON lending_loancontract
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON lending_loancontract FROM {settings.DATABASE_ROLE};
"""

# A PDF is compressed already.
STORAGE = "ALTER TABLE lending_loancontract ALTER COLUMN content SET STORAGE EXTERNAL"


class Migration(migrations.Migration):

    dependencies = [
        ('lending', '0003_permissions_of_staff'),
    ]

    operations = [
        migrations.CreateModel(
            name='LoanContract',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('language', models.CharField(max_length=10, verbose_name='language')),
                ('sha256', models.BinaryField(max_length=32, verbose_name='SHA-256')),
                ('size', models.IntegerField(verbose_name='size in bytes')),
                ('template_version', models.SmallIntegerField(verbose_name='version of its template')),
                ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='made at')),
                ('content', models.BinaryField()),
                ('loan', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='contracts', to='lending.loan')),
            ],
            options={
                'verbose_name': 'loan contract',
                'verbose_name_plural': 'loan contracts',
                'constraints': [models.UniqueConstraint(fields=('loan', 'language'), name='loan_contract_once_per_language'), models.CheckConstraint(condition=models.Q(('sha256', models.Func(models.F('content'), function='sha256', output_field=models.BinaryField())), ('size', django.db.models.functions.text.Length('content'))), name='loan_contract_hash_is_of_its_content')],
            },
        ),
        migrations.RunSQL(STORAGE, migrations.RunSQL.noop),
        migrations.RunSQL(APPEND_ONLY, migrations.RunSQL.noop),
    ]
