"""The Celery application. It finds its broker when it first needs one, so that no other command has to wait for it."""

import os
from typing import Any

from celery import Celery
from celery.schedules import crontab
from django.conf import settings

from config.embedded import broker_url

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.development")


class LazyBrokerCelery(Celery):
    """Looks its broker up when a connection is opened: `BROKER_URL`, or the project's own Valkey, then started."""

    def connection_for_read(self, url: str | None = None, **options: Any) -> Any:
        return super().connection_for_read(url or broker_url(profile=settings.EMBEDDED_PROFILE), **options)

    def connection_for_write(self, url: str | None = None, **options: Any) -> Any:
        return super().connection_for_write(url or broker_url(profile=settings.EMBEDDED_PROFILE), **options)


app = LazyBrokerCelery("creditbox")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# The whole beat table. A job may fire twice or be missed: each finds in the database what there is to do.
app.conf.beat_schedule = {
    # Midnight in the bank's time zone is when it matters; the rest of the day it finishes what a crash interrupted.
    "close elapsed days": {"task": "operations.close_elapsed_days", "schedule": crontab(minute="*/10")},
    # What a lost hint left waiting, what failed and is due again, and what waited for quiet hours to end.
    "send waiting e-mails": {"task": "customers.send_waiting_emails", "schedule": crontab()},
    # On the due day early, through the day, and late; the close collects once more, as the last thing on the day.
    "collect dues": {
        "task": "operations.collect_dues",
        "schedule": crontab(minute=5, hour="1,8,12,16,20,22"),
    },
    # What the close settled with merchants; what failed is ordered anew on the next business day.
    "pay merchants": {"task": "operations.pay_merchants", "schedule": crontab(minute="*/10")},
    # What the close issued since; whoever opens one before has it made at once.
    "make statement documents": {
        "task": "huabei.make_statement_documents",
        "schedule": crontab(minute="*/10"),
    },
    # At night, and by day only where the night's was missed.
    "prove the books": {"task": "operations.prove_books", "schedule": crontab(minute=30, hour="2-23")},
    "sweep payments": {"task": "operations.sweep_payments", "schedule": crontab(minute="*/2")},
}
