"""./manage.py build_demo_world: people's histories, a trained score, lines, two months of life, proved books."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.utils import timezone
from django.utils.translation import gettext as _
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from creditscore import selectors as scores
from creditscore.services.import_histories import import_histories
from creditscore.services.publishing import publish_scores
from creditscore.services.synthetic_histories import generate_histories
from creditscore.services.training import train_score
from customers.models import Customer
from customers.selectors import national_id_of
from huabei.services.opening import Application, open_by_policy
from lending.models import Seller
from operations.arguments import iso_date
from operations.demo import world
from operations.demo.extras import Extras
from operations.demo.life import Life, demo_lines, link_sources, open_shops, showcase_line
from operations.demo.loans import Loans
from operations.demo.logins import create_demo_logins
from operations.demo.sellers import Selling, seller_line
from operations.management.terminal import TerminalCommand
from operations.services.closing import is_open, set_business_date
from operations.services.proving import prove_books
from operations.services.summary import rows, summary


class Command(TerminalCommand):
    help = (
        "Builds the demonstration world in an empty bank: imports card histories (or generates them), trains the score, "
        "publishes scores, opens lines by policy, lives through two months of purchases, statements and repayments with "
        "the daily job closing each day, and proves the books. An interrupted build is repeated to the same end."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--data", type=Path, help="card histories (.csv or .csv.gz); generated when left out"
        )
        parser.add_argument(
            "--today", type=iso_date, default=None, help="the last business date (default: today)"
        )
        parser.add_argument("--people", type=int, default=world.PEOPLE, help="how many people to generate")
        parser.add_argument(
            "--spenders", type=int, default=world.MOST_SPENDERS, help="how many of them use their line"
        )

    def handle(
        self, *args: Any, data: Path | None, today: date | None, people: int, spenders: int, **options: Any
    ) -> None:
        if world.is_built():
            self.stdout.write(_("There is a world already; nothing to build."))
            return
        when = world.timeline(today or timezone.localdate())
        began = time.monotonic()
        record = world.begin(
            source=world.source_of(data) if data else f"generator, {people} people", begins_on=when.begins_on
        )
        if not is_open():
            self._open_bank(when, data, people)
        self._live(when, spenders)
        shown = showcase_line()
        link_sources(shown, on=when.until)
        create_demo_logins(
            borrower_id=shown.customer_id,
            seller_id=Seller.objects.get().pk,
            shop_id=open_shops(on=when.begins_on)[0].pk,
            at=timezone.now(),
        )
        call_command("verify_books", stdout=self.stdout)
        prove_books(at=timezone.now())
        world.finish(record)
        self._summary(began)

    def _open_bank(self, when: world.Timeline, data: Path | None, people: int) -> None:
        """Everything before the first business day; each step finds what an interrupted build had done already."""
        with self._step(_("Card histories")):
            file = data or world.generated_file()
            if data is None:
                generate_histories(people=people, seed=world.SEED, file=file)
            import_histories(file=file, source="uci" if data else "synthetic", newest_month=when.last_month)
        with self._step(_("Training the score")):
            train_score(as_of=when.as_of, at=timezone.now(), promote=True)
        with self._step(_("Publishing scores")):
            publish_scores(on=when.begins_on)
        with self._step(_("Opening lines")):
            scored = scores.published_scores(when.begins_on)
            applications = [Application(customer_id, "demo") for customer_id in scored]
            open_by_policy(applications=applications, on=when.begins_on)
        set_business_date(on=when.begins_on)

    def _live(self, when: world.Timeline, spenders: int) -> None:
        life = Life(
            demo_lines(spenders), open_shops(on=when.begins_on), world.SEED, scores.defaulted_next_month()
        )
        with self._step(_("Linking wallets and cards")):
            life.link_sources(on=when.begins_on)
        published = scores.published_scores(when.begins_on)
        loans = Loans(life.lines, life.payers, when.begins_on)
        with self._step(_("Signing loans")):
            loans.sign(scores=published)
        selling = Selling(seller_line(life.lines, on=when.begins_on), published, when.until)
        extras = Extras(life.lines, life.merchants, life.payers, when.begins_on)

        def live(day: date) -> None:
            life.live(day)
            loans.live(day)
            extras.live(day)
            selling.live(day)

        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
        console = Console(file=sys.stderr)
        with Progress(*columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal) as bar:
            task = bar.add_task(_("Business days"), total=(when.until - when.begins_on).days)

            def advance(day: date) -> None:
                bar.update(task, completed=(day - when.begins_on).days)
                if bar.disable and day.day == 1:
                    self.stderr.write(f"  {day}")

            world.live_until(when.until, live, advance)
        life.end()

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        self.stdout.write(f"{name} …", ending=" ")
        self.stdout.flush()
        yield
        self.stdout.write(f"{time.monotonic() - began:.1f} s")

    def _summary(self, began: float) -> None:
        self.stdout.write("")
        for name, value in rows(summary()):
            self.stdout.write(f"{name:<28}{value}".rstrip())
        self.stdout.write(_("Built in %(seconds).0f s.") % {"seconds": time.monotonic() - began})
        borrower = Customer.objects.filter(login__username="borrower").first()
        if borrower is not None:
            self.stdout.write(
                _("The demo borrower's score, explained: ./manage.py score %(number)s")
                % {"number": national_id_of(borrower)}
            )
