"""E-mails may be to who signs in for a shop, and then bear what they tell."""

import django.db.models.deletion
from django.db import migrations, models


# To whom an e-mail is and what it tells never changes, whoever it is to.
GUARD = """
DROP TRIGGER customers_emaildelivery_is_done_once ON customers_emaildelivery;
CREATE TRIGGER customers_emaildelivery_is_done_once BEFORE UPDATE ON customers_emaildelivery
    FOR EACH ROW WHEN (OLD.state IN ('sent', 'dropped')
        OR (OLD.id, OLD.customer_id, OLD.notice_id, OLD.purpose, OLD.created_at, OLD.shop_login_id, OLD.kind, OLD.figures,
            OLD.reference)
           IS DISTINCT FROM (NEW.id, NEW.customer_id, NEW.notice_id, NEW.purpose, NEW.created_at, NEW.shop_login_id, NEW.kind,
            NEW.figures, NEW.reference))
    EXECUTE FUNCTION customers_refuse_change();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0005_shop_logins'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='emaildelivery',
            name='email_is_about_something',
        ),
        migrations.AddField(
            model_name='emaildelivery',
            name='figures',
            field=models.JSONField(null=True, verbose_name='figures'),
        ),
        migrations.AddField(
            model_name='emaildelivery',
            name='kind',
            field=models.CharField(db_default='', default='', max_length=40, verbose_name='kind'),
        ),
        migrations.AddField(
            model_name='emaildelivery',
            name='reference',
            field=models.CharField(max_length=100, null=True, unique=True, verbose_name='reference'),
        ),
        migrations.AddField(
            model_name='emaildelivery',
            name='shop_login',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='email_deliveries', to='customers.shoplogin'),
        ),
        migrations.AlterField(
            model_name='emaildelivery',
            name='customer',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='email_deliveries', to='customers.customer'),
        ),
        migrations.AlterField(
            model_name='emaildelivery',
            name='purpose',
            field=models.CharField(choices=[('notice', 'a notice'), ('confirmation', 'confirming an address'), ('shop', 'something a shop is told')], max_length=12, verbose_name='purpose'),
        ),
        migrations.AddConstraint(
            model_name='emaildelivery',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('notice__isnull', False), ('purpose', 'notice')), models.Q(('notice__isnull', True), ('purpose__in', ['confirmation', 'shop'])), _connector='OR'), name='email_is_about_something'),
        ),
        migrations.AddConstraint(
            model_name='emaildelivery',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('customer__isnull', True), ('figures__isnull', False), ('purpose', 'shop'), ('reference__isnull', False), ('shop_login__isnull', False), models.Q(('kind', ''), _negated=True)), models.Q(models.Q(('purpose', 'shop'), _negated=True), ('customer__isnull', False), ('figures__isnull', True), ('kind', ''), ('reference__isnull', True), ('shop_login__isnull', True)), _connector='OR'), name='email_is_to_somebody'),
        ),
        migrations.RunSQL(GUARD, migrations.RunSQL.noop),
    ]
