"""Statements as documents: kept as files, whose hash PostgreSQL itself takes."""

import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

APPEND_ONLY = f"""
CREATE TRIGGER huabei_statementdocument_is_append_only BEFORE UPDATE OR DELETE ON huabei_statementdocument
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER huabei_statementdocument_is_not_truncated BEFORE TRUNCATE ON huabei_statementdocument
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON huabei_statementdocument FROM {settings.DATABASE_ROLE};
"""

# A PDF is compressed already.
STORAGE = "ALTER TABLE huabei_statementdocument ALTER COLUMN content SET STORAGE EXTERNAL"


class Migration(migrations.Migration):

    dependencies = [
        ('huabei', '0012_shared_lines'),
    ]

    operations = [
        migrations.CreateModel(
            name='StatementDocument',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('language', models.CharField(max_length=10, verbose_name='language')),
                ('sha256', models.BinaryField(max_length=32, verbose_name='SHA-256')),
                ('size', models.IntegerField(verbose_name='size in bytes')),
                ('template_version', models.SmallIntegerField(verbose_name='version of its template')),
                ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='made at')),
                ('content', models.BinaryField()),
                ('statement', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='documents', to='huabei.statement')),
            ],
            options={
                'verbose_name': 'statement as a document',
                'verbose_name_plural': 'statements as documents',
                'constraints': [models.UniqueConstraint(fields=('statement', 'language'), name='statement_document_once_per_language'), models.CheckConstraint(condition=models.Q(('sha256', models.Func(models.F('content'), function='sha256', output_field=models.BinaryField())), ('size', django.db.models.functions.text.Length('content'))), name='statement_document_hash_is_of_its_content')],
            },
        ),
        migrations.RunSQL(STORAGE, migrations.RunSQL.noop),
        migrations.RunSQL(APPEND_ONLY, migrations.RunSQL.noop),
    ]
