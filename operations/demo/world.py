"""Building the demonstration world, step by step; a build that was interrupted is repeated from its start to the same end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from django.conf import settings
from django.db import connections
from django.utils import timezone

from finance.dates import add_months
from finance.errors import DomainError
from operations.models import BusinessDay, DemoWorld
from operations.services import closing
from operations.tasks import close_day

SEED = 20_250_606
PEOPLE = 3_000
MOST_SPENDERS = 800
PUBLICATION_DAY = 6


class DemoError(DomainError):
    """The demo world cannot be built."""

    code = "demo_refused"


@dataclass(frozen=True, slots=True)
class Timeline:
    """When things happen in the demo world, so that its business date ends up on today's."""

    # The newest month of the imported histories, and the day from which the score looks back on them.
    last_month: date
    as_of: date
    # Scores are published and lines opened on this day; life goes on until `until`.
    begins_on: date
    until: date


def timeline(today: date) -> Timeline:
    """The last months before `today`, long enough for two statements and two due days to have passed."""
    months_back = 2 if today.day > 10 else 3
    first = add_months(today.replace(day=1), -months_back)
    return Timeline(
        last_month=add_months(first, -1),
        as_of=first,
        begins_on=first.replace(day=PUBLICATION_DAY),
        until=today,
    )


def is_built() -> bool:
    """Whether there is a finished demo world, or a bank that is none: either way there is nothing to build."""
    world = DemoWorld.objects.first()
    return world.finished_at is not None if world else BusinessDay.objects.exists()


def generated_file() -> Path:
    """Where the generated histories are kept."""
    path = Path(settings.VAR_DIR) / "demo" / "card_histories.csv.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def source() -> str:
    """What the world that is there was or is being built from; empty without a demo world."""
    world = DemoWorld.objects.first()
    return world.source if world else ""


def source_of(data: str | Path) -> str:
    """How a file is named in the record of a world: by its name, since it may have moved."""
    return Path(data).name


def begin(*, source: str, begins_on: date) -> DemoWorld:
    """The record that a build was begun. Error: DemoError when another world is there."""
    world, created = DemoWorld.objects.get_or_create(
        defaults={"source": source, "seed": SEED, "begun_on": begins_on}
    )
    if not created and world.source != source:
        raise DemoError(
            f"a demo world from {world.source} is there already: `make clean` first, to build another"
        )
    if created and BusinessDay.objects.exists():
        raise DemoError("this bank has a business date already: the demo world is built in an empty one")
    return world


def finish(world: DemoWorld) -> None:
    """The record that the build is done."""
    world.finished_at = timezone.now()
    world.save(update_fields=["finished_at"])


@contextmanager
def closing_worker() -> Iterator[None]:
    """A Celery worker of the build's own, since nothing serves yet."""
    log = Path(settings.VAR_DIR) / "log" / "demo-worker.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "celery", "--quiet", "-A", "config.celery", "worker", "--pool", "solo"]
    with log.open("ab") as output:
        worker = subprocess.Popen(  # noqa: S603
            [
                *command,
                "--loglevel",
                "WARNING",
                "--without-gossip",
                "--without-mingle",
                "--without-heartbeat",
            ],
            cwd=settings.BASE_DIR,
            env={**os.environ, "DATABASE_LOGIN": "app", "PYTHONWARNINGS": "ignore"},
            stdout=output,
            stderr=output,
        )
    try:
        yield
    finally:
        worker.terminate()
        try:
            worker.wait(timeout=20)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()


def close_by_job(closed_on: date, *, patience: float = 120.0, resend_after: float = 20.0) -> None:
    """
    Sends the daily job for one day and waits until the database says that the day is closed.

    The task is a hint and may be lost, so it is sent again after a while. Error: DemoError when nobody closes the day.
    """
    began = sent = time.monotonic()
    close_day.delay(closed_on.isoformat())
    while closing.business_date() <= closed_on or closing.unfinished(closed_on):
        now = time.monotonic()
        if now - began > patience:
            raise DemoError(
                f"no worker closed {closed_on} within {patience:.0f} s; see var/log/demo-worker.log"
            )
        if now - sent > resend_after:
            close_day.delay(closed_on.isoformat())
            sent = now
        time.sleep(0.05)


def live_until(until: date, live: Callable[[date], None], progress: Callable[[date], None]) -> None:
    """Day after day: what happens on it, then its close by the scheduled job, until the business date is `until`."""
    with closing_worker():
        day = closing.business_date()
        # An interrupted build may have left the day before half closed.
        if closing.unfinished(day - timedelta(days=1)):
            close_by_job(day - timedelta(days=1))
        while day < until:
            live(day)
            close_by_job(day)
            day += timedelta(days=1)
            progress(day)
    connections.close_all()
