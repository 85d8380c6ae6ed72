"""Changes of limits, freezes, ends and reviews as facts; their causes and terms as dated rows."""

from datetime import date

import django.db.models.deletion
import django.db.models.functions.datetime
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models

FACTS = ("huabei_limitchange", "huabei_closure", "huabei_limitreview")

GUARDS = "".join(
    f"""
CREATE TRIGGER {table}_is_append_only BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER {table}_is_not_truncated BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {settings.DATABASE_ROLE};
"""
    for table in FACTS
) + f"""
CREATE TRIGGER huabei_freeze_only_thaws BEFORE UPDATE ON huabei_freeze
    FOR EACH ROW WHEN (OLD.thawed_on IS NOT NULL
        OR (OLD.id, OLD.line_id, OLD.cause, OLD.by, OLD.note, OLD.reference, OLD.request_hash, OLD.recorded_at, OLD.frozen_on)
            IS DISTINCT FROM
           (NEW.id, NEW.line_id, NEW.cause, NEW.by, NEW.note, NEW.reference, NEW.request_hash, NEW.recorded_at, NEW.frozen_on))
    EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER huabei_temporarylimit_only_ends BEFORE UPDATE ON huabei_temporarylimit
    FOR EACH ROW WHEN (OLD.ended_on IS NOT NULL
        OR (OLD.id, OLD.line_id, OLD.amount_fen, OLD.granted_on, OLD.last_day)
            IS DISTINCT FROM (NEW.id, NEW.line_id, NEW.amount_fen, NEW.granted_on, NEW.last_day))
    EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER huabei_line_stays_closed BEFORE UPDATE OF status ON huabei_line
    FOR EACH ROW WHEN (OLD.status = 'closed' AND NEW.status <> 'closed') EXECUTE FUNCTION ledger_refuse_change();
REVOKE DELETE, TRUNCATE ON huabei_freeze, huabei_temporarylimit FROM {settings.DATABASE_ROLE};
"""

REVIEWS = """
UPDATE huabei_line SET review_on = opened_on + interval '6 months';
"""

# Lines that are frozen already keep their freeze, as one of the policy's.
FREEZES = """
SET CONSTRAINTS ALL IMMEDIATE;
INSERT INTO huabei_freeze (line_id, cause, by, note, reference, request_hash, frozen_on, thaw_cause, thawed_by, thaw_note)
SELECT id, frozen_cause, 'policy', '', 'before', sha256('before'), greatest(opened_on, coalesce(
           (SELECT min(due_on) + 1 FROM huabei_due WHERE line_id = line.id AND outstanding_fen > 0), opened_on)), '', '', ''
FROM huabei_line AS line WHERE status = 'frozen';
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
"""

# Concern, code, name in English and Chinese, whether staff and whether a customer may give it.
CAUSES = (
    ("limit", "income_proved", "higher income proved", "收入证明提高", True, False),
    ("limit", "score_rise", "score rose", "评分上升", False, False),
    ("limit", "score_fall", "score fell", "评分下降", True, False),
    ("limit", "risk", "higher risk", "风险升高", True, False),
    ("limit", "customer_wish", "customer's wish", "客户要求", True, True),
    ("limit", "mistake", "mistake put right", "纠正错误", True, False),
    ("limit", "closed", "line closed", "额度关闭", False, False),
    ("limit", "expired", "its time is over", "到期", False, False),
    ("temporary", "festival", "festival", "节日", True, False),
    ("temporary", "travel", "travel", "旅行", True, False),
    ("temporary", "large_purchase", "large purchase", "大额购物", True, False),
    ("temporary", "customer_wish", "customer's wish", "客户要求", True, True),
    ("freeze", "overdue", "payment late", "还款逾期", False, False),
    ("freeze", "cash_out", "suspected cash-out", "疑似套现", True, False),
    ("freeze", "fraud", "suspected fraud", "疑似欺诈", True, False),
    ("freeze", "score_fall", "score fell", "评分下降", True, False),
    ("freeze", "customer_wish", "customer's wish", "客户要求", True, True),
    ("freeze", "phone_lost", "phone lost", "手机丢失", True, True),
    ("thaw", "paid", "what was late is paid", "逾期已还清", False, False),
    ("thaw", "cleared", "suspicion cleared", "疑点排除", True, False),
    ("thaw", "customer_wish", "customer's wish", "客户要求", True, True),
    ("thaw", "goodwill", "goodwill", "客户关怀", True, False),
    ("thaw", "mistake", "mistake put right", "纠正错误", True, False),
    ("close", "customer_wish", "customer's wish", "客户要求", True, True),
    ("close", "overdue", "overdue too long", "逾期过久", False, False),
    ("close", "fraud", "fraud", "欺诈", True, False),
    ("close", "deceased", "customer died", "客户身故", True, False),
)


def first_rows(apps, schema_editor):
    apps.get_model("huabei", "ReviewTerms").objects.create(effective_from=date(2000, 1, 1))
    causes = apps.get_model("huabei", "Cause")
    for concern, code, name, name_zh, by_staff, by_customer in CAUSES:
        causes.objects.create(
            concern=concern, code=code, name=name, name_zh=name_zh, by_staff=by_staff, by_customer=by_customer,
            effective_from=date(2000, 1, 1),
        )



class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0003_notice_guards'),
        ('huabei', '0009_calendar_changes'),
    ]

    operations = [
        migrations.CreateModel(
            name='Cause',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('concern', models.CharField(choices=[('limit', 'the limit'), ('temporary', 'a temporary limit'), ('freeze', 'a freeze'), ('thaw', 'the end of a freeze'), ('close', 'the end of a line')], max_length=10, verbose_name='concerns')),
                ('code', models.CharField(max_length=24, verbose_name='code')),
                ('name', models.CharField(max_length=60, verbose_name='name in English')),
                ('name_zh', models.CharField(max_length=60, verbose_name='name in Chinese')),
                ('by_staff', models.BooleanField(default=True, verbose_name='given by staff')),
                ('by_customer', models.BooleanField(default=False, verbose_name='given by customers')),
                ('effective_from', models.DateField(verbose_name='effective from')),
                ('effective_to', models.DateField(blank=True, null=True, verbose_name='until')),
            ],
            options={
                'verbose_name': 'cause',
                'verbose_name_plural': 'causes',
                'ordering': ['concern', 'code', '-effective_from'],
            },
        ),
        migrations.CreateModel(
            name='Closure',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('cause', models.CharField(max_length=24, verbose_name='cause')),
                ('by', models.CharField(max_length=24, verbose_name='by')),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='note')),
                ('reference', models.CharField(max_length=64, verbose_name='reference')),
                ('request_hash', models.BinaryField(max_length=32)),
                ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='recorded at')),
                ('closed_on', models.DateField(verbose_name='closed on')),
                ('limit_fen', models.BigIntegerField(verbose_name='limit before')),
                ('drawn_fen', models.BigIntegerField(verbose_name='drawn then')),
            ],
            options={
                'verbose_name': 'end of a line',
                'verbose_name_plural': 'ends of lines',
            },
        ),
        migrations.CreateModel(
            name='Freeze',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('cause', models.CharField(max_length=24, verbose_name='cause')),
                ('by', models.CharField(max_length=24, verbose_name='by')),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='note')),
                ('reference', models.CharField(max_length=64, verbose_name='reference')),
                ('request_hash', models.BinaryField(max_length=32)),
                ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='recorded at')),
                ('frozen_on', models.DateField(verbose_name='frozen on')),
                ('thawed_on', models.DateField(null=True, verbose_name='ended on')),
                ('thaw_cause', models.CharField(blank=True, default='', max_length=24, verbose_name='cause of its end')),
                ('thawed_by', models.CharField(blank=True, default='', max_length=24, verbose_name='ended by')),
                ('thaw_note', models.CharField(blank=True, default='', max_length=200, verbose_name='note on its end')),
            ],
            options={
                'verbose_name': 'freeze',
                'verbose_name_plural': 'freezes',
            },
        ),
        migrations.CreateModel(
            name='LimitChange',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('cause', models.CharField(max_length=24, verbose_name='cause')),
                ('by', models.CharField(max_length=24, verbose_name='by')),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='note')),
                ('reference', models.CharField(max_length=64, verbose_name='reference')),
                ('request_hash', models.BinaryField(max_length=32)),
                ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='recorded at')),
                ('kind', models.CharField(choices=[('set', 'limit set'), ('temporary', 'raised for a time'), ('temporary_ended', 'temporary limit ended'), ('closed', 'taken away as the line was closed')], max_length=16, verbose_name='kind')),
                ('changed_on', models.DateField(verbose_name='changed on')),
                ('before_fen', models.BigIntegerField(verbose_name='before')),
                ('after_fen', models.BigIntegerField(verbose_name='after')),
                ('entry_id', models.BigIntegerField()),
            ],
            options={
                'verbose_name': 'change of a limit',
                'verbose_name_plural': 'changes of limits',
            },
        ),
        migrations.CreateModel(
            name='LimitReview',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('reviewed_on', models.DateField(verbose_name='reviewed on')),
                ('score', models.SmallIntegerField(null=True, verbose_name='score')),
                ('scored_on', models.DateField(null=True, verbose_name='score published on')),
                ('months_on_book', models.SmallIntegerField(verbose_name='months on book')),
                ('overdue_fen', models.BigIntegerField(verbose_name='overdue')),
                ('earned_fen', models.BigIntegerField(verbose_name='limit that the score earns')),
                ('before_fen', models.BigIntegerField(verbose_name='before')),
                ('after_fen', models.BigIntegerField(verbose_name='after')),
                ('outcome', models.CharField(choices=[('raised', 'raised'), ('lowered', 'lowered'), ('kept', 'kept'), ('frozen', 'frozen')], max_length=8, verbose_name='outcome')),
                ('reasons', models.JSONField(verbose_name='reasons')),
            ],
            options={
                'verbose_name': 'review of a limit',
                'verbose_name_plural': 'reviews of limits',
            },
        ),
        migrations.CreateModel(
            name='ReviewTerms',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('effective_from', models.DateField(unique=True, verbose_name='effective from')),
                ('months_between', models.SmallIntegerField(default=6, verbose_name='months between reviews')),
                ('fresh_score_days', models.SmallIntegerField(default=35, verbose_name='days a score is fresh')),
                ('months_on_book', models.SmallIntegerField(default=6, verbose_name='months on book before an increase')),
                ('largest_raise', models.DecimalField(decimal_places=4, default=Decimal('0.5'), max_digits=5, verbose_name='largest increase as a share of the limit')),
                ('freeze_below_score', models.SmallIntegerField(default=550, verbose_name='freeze below this score')),
                ('close_overdue_months', models.SmallIntegerField(default=2, verbose_name='months overdue after which a line is closed')),
            ],
            options={
                'verbose_name': 'terms of reviews',
                'verbose_name_plural': 'terms of reviews',
                'ordering': ['-effective_from'],
            },
        ),
        migrations.CreateModel(
            name='TemporaryLimit',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('amount_fen', models.BigIntegerField(verbose_name='amount')),
                ('granted_on', models.DateField(verbose_name='granted on')),
                ('last_day', models.DateField(verbose_name='last day')),
                ('ended_on', models.DateField(null=True, verbose_name='ended on')),
            ],
            options={
                'verbose_name': 'temporary limit',
                'verbose_name_plural': 'temporary limits',
            },
        ),
        migrations.AddField(
            model_name='line',
            name='review_on',
            field=models.DateField(null=True, verbose_name='limit to be reviewed on'),
        ),
        migrations.AddField(
            model_name='line',
            name='temporary_fen',
            field=models.BigIntegerField(db_default=0, default=0, verbose_name='of it for a time'),
        ),
        migrations.AddIndex(
            model_name='line',
            index=models.Index(condition=models.Q(('status', 'closed'), _negated=True), fields=['review_on'], name='line_to_review'),
        ),
        migrations.AddConstraint(
            model_name='line',
            constraint=models.CheckConstraint(condition=models.Q(('temporary_fen__gte', 0), ('temporary_fen__lte', models.F('limit_fen'))), name='line_temporary_within_limit'),
        ),
        migrations.AddConstraint(
            model_name='cause',
            constraint=models.UniqueConstraint(fields=('concern', 'code', 'effective_from'), name='cause_once_per_day'),
        ),
        migrations.AddConstraint(
            model_name='cause',
            constraint=models.CheckConstraint(condition=models.Q(('concern__in', ['limit', 'temporary', 'freeze', 'thaw', 'close'])), name='cause_concern_known'),
        ),
        migrations.AddConstraint(
            model_name='cause',
            constraint=models.CheckConstraint(condition=models.Q(('effective_to__isnull', True), ('effective_to__gt', models.F('effective_from')), _connector='OR'), name='cause_not_backwards'),
        ),
        migrations.AddField(
            model_name='closure',
            name='line',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='closure', to='huabei.line'),
        ),
        migrations.AddField(
            model_name='freeze',
            name='line',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='freezes', to='huabei.line'),
        ),
        migrations.AddField(
            model_name='limitchange',
            name='line',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='limit_changes', to='huabei.line'),
        ),
        migrations.AddField(
            model_name='limitreview',
            name='line',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='limit_reviews', to='huabei.line'),
        ),
        migrations.AddConstraint(
            model_name='reviewterms',
            constraint=models.CheckConstraint(condition=models.Q(('fresh_score_days__gte', 1), ('months_between__gte', 1), ('months_on_book__gte', 0), ('freeze_below_score__range', (350, 950)), ('largest_raise__range', (0, 9)), ('close_overdue_months__gte', 1)), name='review_terms_sensible'),
        ),
        migrations.AddField(
            model_name='limitreview',
            name='terms',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='huabei.reviewterms'),
        ),
        migrations.AddField(
            model_name='temporarylimit',
            name='line',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='temporary_limits', to='huabei.line'),
        ),
        migrations.AddField(
            model_name='limitchange',
            name='temporary',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='changes', to='huabei.temporarylimit'),
        ),
        migrations.AddConstraint(
            model_name='freeze',
            constraint=models.UniqueConstraint(fields=('line', 'reference'), name='freeze_once_per_reference'),
        ),
        migrations.AddConstraint(
            model_name='freeze',
            constraint=models.UniqueConstraint(condition=models.Q(('thawed_on__isnull', True)), fields=('line', 'cause'), name='freeze_one_open_per_cause'),
        ),
        migrations.AddConstraint(
            model_name='freeze',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('thaw_cause', ''), ('thawed_by', ''), ('thawed_on__isnull', True)), models.Q(('thawed_on__gte', models.F('frozen_on')), models.Q(('thaw_cause', ''), _negated=True), models.Q(('thawed_by', ''), _negated=True)), _connector='OR'), name='freeze_ends_for_a_cause'),
        ),
        migrations.AddConstraint(
            model_name='limitreview',
            constraint=models.UniqueConstraint(fields=('line', 'reviewed_on'), name='limit_review_once_a_day'),
        ),
        migrations.AddConstraint(
            model_name='limitreview',
            constraint=models.CheckConstraint(condition=models.Q(('outcome__in', ['raised', 'lowered', 'kept', 'frozen'])), name='limit_review_outcome_known'),
        ),
        migrations.AddIndex(
            model_name='temporarylimit',
            index=models.Index(condition=models.Q(('ended_on__isnull', True)), fields=['last_day'], name='temporary_limit_open'),
        ),
        migrations.AddConstraint(
            model_name='temporarylimit',
            constraint=models.CheckConstraint(condition=models.Q(('amount_fen__gt', 0), ('last_day__gte', models.F('granted_on')), models.Q(('ended_on__isnull', True), ('ended_on__gte', models.F('granted_on')), _connector='OR')), name='temporary_limit_sensible'),
        ),
        migrations.AddConstraint(
            model_name='limitchange',
            constraint=models.UniqueConstraint(fields=('line', 'reference'), name='limit_change_once_per_reference'),
        ),
        migrations.AddConstraint(
            model_name='limitchange',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['set', 'temporary', 'temporary_ended', 'closed'])), name='limit_change_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='limitchange',
            constraint=models.CheckConstraint(condition=models.Q(('after_fen__gte', 0), ('before_fen__gte', 0), models.Q(('before_fen', models.F('after_fen')), _negated=True)), name='limit_change_changes'),
        ),
        migrations.RunSQL(REVIEWS),
        migrations.AlterField(
            model_name="line",
            name="review_on",
            field=models.DateField(verbose_name="limit to be reviewed on"),
        ),
        migrations.RunSQL(FREEZES),
        migrations.RunSQL(GUARDS),
        migrations.RunPython(first_rows, migrations.RunPython.noop),
    ]
