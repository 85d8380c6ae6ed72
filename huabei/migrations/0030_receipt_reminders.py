"""How long before a purchase is taken as received its buyer is reminded."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('huabei', '0029_shared_caps_as_wanted'),
    ]

    operations = [
        migrations.AddField(
            model_name='merchantterms',
            name='receipt_reminder_days',
            field=models.SmallIntegerField(db_default=3, default=3, verbose_name='days before that on which its buyer is reminded'),
        ),
        migrations.AddConstraint(
            model_name='merchantterms',
            constraint=models.CheckConstraint(condition=models.Q(('receipt_reminder_days__range', (0, 30))), name='merchant_terms_reminder_sensible'),
        ),
    ]
