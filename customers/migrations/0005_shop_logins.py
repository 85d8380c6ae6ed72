"""Who signs in for a shop."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0004_api_keys'),
    ]

    operations = [
        migrations.CreateModel(
            name='ShopLogin',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[('manager', 'may charge and refund'), ('viewer', 'may look')], max_length=8, verbose_name='role')),
                ('login', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='shop_login', to=settings.AUTH_USER_MODEL)),
                ('shop', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='logins', to='customers.shop')),
            ],
            options={
                'verbose_name': 'login of a shop',
                'verbose_name_plural': 'logins of shops',
                'constraints': [models.CheckConstraint(condition=models.Q(('role__in', ['manager', 'viewer'])), name='shop_login_role_known')],
            },
        ),
    ]
