
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('huabei', '0007_instalments'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='purchase',
            index=models.Index(fields=['merchant', 'id'], name='purchase_by_merchant'),
        ),
    ]
