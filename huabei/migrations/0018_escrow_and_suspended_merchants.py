"""Purchases that post on confirmed receipt; merchants suspended and reinstated; categories that may not be paid by line."""

from datetime import date

import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
from django.db import migrations, models

from ledger.guards import append_only

FACTS = ("huabei_receipt", "huabei_merchantchange", "huabei_categoryrule")

GUARDS = append_only(*FACTS)

# When a purchase posts is said once. What is given back before receipt only grows, while the purchase waits, and moves the hold;
# one that posts on receipt is captured whole, and no other gives back what it holds.
TRANSITIONS = """
DROP TRIGGER huabei_purchase_keeps_its_nature ON huabei_purchase;
CREATE TRIGGER huabei_purchase_keeps_its_nature BEFORE UPDATE OF id, line_id, merchant_id, reference, request_hash, amount_fen,
    authorised_on, expires_on, posts_on_receipt ON huabei_purchase
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
DROP TRIGGER huabei_purchase_keeps_its_captures ON huabei_purchase;
CREATE TRIGGER huabei_purchase_keeps_its_captures BEFORE UPDATE OF captured_fen, posted_on, hold_transfer_id
    ON huabei_purchase
    FOR EACH ROW WHEN (NEW.captured_fen < OLD.captured_fen OR NEW.posted_on IS DISTINCT FROM OLD.posted_on AND OLD.captured_fen > 0
        OR NEW.hold_transfer_id <> OLD.hold_transfer_id AND NEW.captured_fen = OLD.captured_fen
            AND NEW.cancelled_fen = OLD.cancelled_fen)
    EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER huabei_purchase_cancels_while_it_waits BEFORE UPDATE OF captured_fen, cancelled_fen ON huabei_purchase
    FOR EACH ROW WHEN (NEW.cancelled_fen < OLD.cancelled_fen
        OR NEW.cancelled_fen > OLD.cancelled_fen AND (OLD.state <> 'authorised' OR NOT NEW.posts_on_receipt)
        OR NEW.posts_on_receipt AND NEW.captured_fen NOT IN (0, NEW.amount_fen - NEW.cancelled_fen))
    EXECUTE FUNCTION ledger_refuse_change();
"""

# Concern, code, name in English and Chinese, whether staff may give it.
CAUSES = (
    ("suspend", "cash_out", "suspected cash-out", "疑似套现", True),
    ("suspend", "fraud", "suspected fraud", "疑似欺诈", True),
    ("suspend", "complaints", "too many complaints", "投诉过多", True),
    ("suspend", "merchant_wish", "merchant's wish", "商户要求", True),
    ("reinstate", "cleared", "suspicion cleared", "疑点排除", True),
    ("reinstate", "merchant_wish", "merchant's wish", "商户要求", True),
    ("reinstate", "mistake", "mistake put right", "纠正错误", True),
    ("posting", "agreement", "agreed with the merchant", "与商户约定", True),
    ("posting", "risk", "higher risk", "风险升高", True),
    ("category", "cash_out", "used for cash-out", "易被用于套现", True),
    ("category", "law", "forbidden by law or regulator", "法律或监管禁止", True),
    ("category", "cleared", "suspicion cleared", "疑点排除", True),
)

# What may not be paid by line. Source: cash-out is refused (DOMAIN, Huabei); which categories that means is this lender's own.
FORBIDDEN = (
    ("prepaid_cards", "Prepaid and gift cards", "预付卡与礼品卡", "cash_out"),
    ("securities", "Securities and investments", "证券与投资", "cash_out"),
    ("real_estate", "Real estate", "房地产", "cash_out"),
    ("lottery", "Lottery and gambling", "彩票与博彩", "law"),
)


def first_rows(apps, schema_editor):
    causes = apps.get_model("huabei", "Cause")
    for concern, code, name, name_zh, by_staff in CAUSES:
        causes.objects.create(
            concern=concern, code=code, name=name, name_zh=name_zh, by_staff=by_staff, effective_from=date(2000, 1, 1)
        )
    rules = apps.get_model("huabei", "CategoryRule")
    for category, name, name_zh, cause in FORBIDDEN:
        rules.objects.create(
            category=category, name=name, name_zh=name_zh, cause=cause, by="policy", reference="first", request_hash=b"",
            effective_from=date(2000, 1, 1), is_allowed=False,
        )


class Migration(migrations.Migration):

    dependencies = [
        ('huabei', '0017_credit_payout_ends'),
    ]

    operations = [
        migrations.CreateModel(
            name='CategoryRule',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('cause', models.CharField(max_length=24, verbose_name='cause')),
                ('by', models.CharField(max_length=24, verbose_name='by')),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='note')),
                ('reference', models.CharField(max_length=64, verbose_name='reference')),
                ('request_hash', models.BinaryField(max_length=32)),
                ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='recorded at')),
                ('category', models.CharField(max_length=40, verbose_name='category')),
                ('name', models.CharField(max_length=60, verbose_name='name in English')),
                ('name_zh', models.CharField(max_length=60, verbose_name='name in Chinese')),
                ('effective_from', models.DateField(verbose_name='effective from')),
                ('is_allowed', models.BooleanField(verbose_name='may be paid by line')),
            ],
            options={
                'verbose_name': 'rule of a category',
                'verbose_name_plural': 'rules of categories',
                'permissions': [('rule_category', 'Can say which categories may be paid by line')],
                'ordering': ['category', '-effective_from'],
            },
        ),
        migrations.CreateModel(
            name='MerchantChange',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('cause', models.CharField(max_length=24, verbose_name='cause')),
                ('by', models.CharField(max_length=24, verbose_name='by')),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='note')),
                ('reference', models.CharField(max_length=64, verbose_name='reference')),
                ('request_hash', models.BinaryField(max_length=32)),
                ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='recorded at')),
                ('kind', models.CharField(choices=[('suspended', 'suspended'), ('reinstated', 'reinstated'), ('posting', 'posting changed')], max_length=10, verbose_name='kind')),
                ('changed_on', models.DateField(verbose_name='changed on')),
                ('effective_from', models.DateField(verbose_name='effective from')),
                ('posting', models.CharField(blank=True, choices=[('payment', 'at payment'), ('receipt', 'on confirmed receipt')], max_length=8, verbose_name='posts')),
            ],
            options={
                'verbose_name': 'change of a merchant',
                'verbose_name_plural': 'changes of merchants',
            },
        ),
        migrations.CreateModel(
            name='Receipt',
            fields=[
                ('purchase', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, primary_key=True, related_name='receipt', serialize=False, to='huabei.purchase')),
                ('confirmed_on', models.DateField(verbose_name='confirmed on')),
                ('confirmed_by', models.UUIDField(null=True, verbose_name='confirmed by')),
                ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='recorded at')),
            ],
            options={
                'verbose_name': 'receipt',
                'verbose_name_plural': 'receipts',
            },
        ),
        migrations.AlterModelOptions(
            name='merchant',
            options={'permissions': [('suspend_merchant', 'Can suspend merchants and reinstate them'), ('set_posting', "Can say when a merchant's purchases post")], 'verbose_name': 'merchant', 'verbose_name_plural': 'merchants'},
        ),
        migrations.RemoveConstraint(
            model_name='cause',
            name='cause_concern_known',
        ),
        migrations.RemoveConstraint(
            model_name='purchase',
            name='purchase_amounts_in_order',
        ),
        migrations.RemoveConstraint(
            model_name='refund',
            name='refund_goes_somewhere',
        ),
        migrations.AddField(
            model_name='merchantterms',
            name='receipt_days',
            field=models.SmallIntegerField(db_default=15, default=15, verbose_name='days after which a purchase is taken as received'),
        ),
        migrations.AddField(
            model_name='purchase',
            name='cancelled_fen',
            field=models.BigIntegerField(db_default=0, default=0, verbose_name='given back before receipt'),
        ),
        migrations.AddField(
            model_name='purchase',
            name='posts_on_receipt',
            field=models.BooleanField(db_default=False, default=False, verbose_name='posts on receipt'),
        ),
        migrations.AddField(
            model_name='refund',
            name='to_hold_fen',
            field=models.BigIntegerField(db_default=0, default=0, verbose_name='off what was reserved'),
        ),
        migrations.AlterField(
            model_name='cause',
            name='concern',
            field=models.CharField(choices=[('limit', 'the limit'), ('temporary', 'a temporary limit'), ('freeze', 'a freeze'), ('thaw', 'the end of a freeze'), ('close', 'the end of a line'), ('suspend', 'the suspension of a merchant'), ('reinstate', "the end of a merchant's suspension"), ('posting', "when a merchant's purchases post"), ('category', 'what shops of a category sell')], max_length=10, verbose_name='concerns'),
        ),
        migrations.AddConstraint(
            model_name='cause',
            constraint=models.CheckConstraint(condition=models.Q(('concern__in', ['limit', 'temporary', 'freeze', 'thaw', 'close', 'suspend', 'reinstate', 'posting', 'category'])), name='cause_concern_known'),
        ),
        migrations.AddConstraint(
            model_name='merchantterms',
            constraint=models.CheckConstraint(condition=models.Q(('receipt_days__range', (1, 90))), name='merchant_terms_receipt_sensible'),
        ),
        migrations.AddConstraint(
            model_name='purchase',
            constraint=models.CheckConstraint(condition=models.Q(('amount_fen__gt', 0), ('captured_fen__lte', django.db.models.expressions.CombinedExpression(models.F('amount_fen'), '-', models.F('cancelled_fen'))), ('cancelled_fen__gte', 0), ('refunded_fen__gte', 0), ('refunded_fen__lte', models.F('captured_fen'))), name='purchase_amounts_in_order'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(('amount_fen__gt', 0), ('amount_fen', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('to_unbilled_fen'), '+', models.F('to_instalment_fen')), '+', models.F('to_billed_fen')), '+', models.F('to_credit_fen')), '+', models.F('to_hold_fen'))), ('to_hold_fen__in', [0, models.F('amount_fen')]), ('to_billed_fen__gte', 0), ('to_credit_fen__gte', 0), ('to_instalment_fen__gte', 0), ('to_unbilled_fen__gte', 0)), name='refund_goes_somewhere'),
        ),
        migrations.AddConstraint(
            model_name='categoryrule',
            constraint=models.UniqueConstraint(fields=('category', 'effective_from'), name='category_rule_once_per_day'),
        ),
        migrations.AddConstraint(
            model_name='categoryrule',
            constraint=models.UniqueConstraint(fields=('category', 'reference'), name='category_rule_once_per_reference'),
        ),
        migrations.AddField(
            model_name='merchantchange',
            name='merchant',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='changes', to='huabei.merchant'),
        ),
        migrations.AddConstraint(
            model_name='merchantchange',
            constraint=models.UniqueConstraint(fields=('merchant', 'reference'), name='merchant_change_once_per_reference'),
        ),
        migrations.AddConstraint(
            model_name='merchantchange',
            constraint=models.UniqueConstraint(condition=models.Q(('kind', 'posting')), fields=('merchant', 'effective_from'), name='merchant_posting_once_per_day'),
        ),
        migrations.AddConstraint(
            model_name='merchantchange',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('effective_from__gte', models.F('changed_on')), ('kind', 'posting'), ('posting__in', ['payment', 'receipt'])), models.Q(('effective_from', models.F('changed_on')), ('kind__in', ['suspended', 'reinstated']), ('posting', '')), _connector='OR'), name='merchant_change_sensible'),
        ),
        migrations.RunSQL(GUARDS, migrations.RunSQL.noop),
        migrations.RunSQL(TRANSITIONS, migrations.RunSQL.noop),
        migrations.RunPython(first_rows, migrations.RunPython.noop),
    ]
