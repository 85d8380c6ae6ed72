"""A row falls due without a new entry in any index: none names what changes with it, and its page has room for it."""

from django.db import migrations, models

# Of a loan's rows, which lie side by side, one falls due in a period; what it was is swept up by the next one.
ROOM = "ALTER TABLE lending_instalment SET (fillfactor = 85);"
FULL = "ALTER TABLE lending_instalment RESET (fillfactor);"


class Migration(migrations.Migration):

    dependencies = [
        ('lending', '0010_what_a_day_brings'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='instalment',
            name='instalment_to_bill',
        ),
        migrations.RemoveIndex(
            model_name='instalment',
            name='instalment_settled',
        ),
        migrations.RemoveIndex(
            model_name='instalment',
            name='instalment_due_unpaid',
        ),
        migrations.AddIndex(
            model_name='instalment',
            index=models.Index(condition=models.Q(('unpaid_fen__gt', 0)), fields=['due_on'], name='instalment_unpaid_by_day'),
        ),
        migrations.AddIndex(
            model_name='instalment',
            index=models.Index(condition=models.Q(('unpaid_fen', 0)), fields=['due_on'], name='instalment_paid_by_day'),
        ),
        migrations.RunSQL(ROOM, FULL),
    ]
