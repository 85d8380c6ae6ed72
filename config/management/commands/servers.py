"""`./manage.py servers start|stop|status|remove`: the PostgreSQL and the Valkey of this checkout."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.embedded import (
    ROOT,
    EmbeddedServerError,
    ensure_servers,
    remove_servers,
    server_status,
    stop_servers,
)
from config.single_run import stop_run


class Command(BaseCommand):
    help = (
        "Starts or stops the PostgreSQL and the Valkey that come with the project, tells where they run, or removes "
        "them with everything they hold."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["start", "stop", "status", "remove"])

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        try:
            if action == "start":
                ensure_servers(profile=settings.EMBEDDED_PROFILE)
            elif action in ("stop", "remove"):
                self._stop()
                if action == "remove":
                    remove_servers()
                return
        except EmbeddedServerError as error:
            raise CommandError(str(error)) from error
        for server in server_status(profile=settings.EMBEDDED_PROFILE):
            facts = [server.address, server.version, f"process {server.pid}" if server.pid else ""]
            where = f", data in {server.data_dir}" if server.data_dir else ""
            self.stdout.write(f"{server.name:<9} {server.state:<9} {' '.join(filter(None, facts))}{where}")

    def _stop(self) -> None:
        """Stop everything of this checkout: a run under way first, for it would start the servers again."""
        if stop_run(ROOT):
            self.stdout.write("run       stopped")
        for name in stop_servers(profile="default"):
            self.stdout.write(f"{name:<9} stopped")
        for name in stop_servers(profile="test"):
            self.stdout.write(f"{name:<9} stopped (the tests' own)")
