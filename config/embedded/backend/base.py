"""Django's PostgreSQL backend, except that where no server is named it finds the project's own and starts it.

    DATABASES = {"default": {"ENGINE": "config.embedded.backend", "NAME": "creditbox",
                             "EMBEDDED": {"profile": "default", "role": "owner"}}}

So any `./manage.py` command works right after installation, and none waits for a server that it does not need: the
server is looked up when a connection is opened, which is also when a restart on another port is noticed. With
`"migrated": True` in `EMBEDDED` a database that lacks migrations is given them first.
"""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db.backends.postgresql import base
from django.db.backends.postgresql.client import DatabaseClient as PostgresqlClient

from config.embedded import ROOT
from config.embedded.daemons import EmbeddedServerError, locked
from config.embedded.postgres import PostgresServer, ensure_postgres


def embedded_server(settings_dict: dict[str, Any]) -> PostgresServer:
    """The server that an `EMBEDDED` entry asks for, running."""
    embedded = settings_dict["EMBEDDED"]
    try:
        return ensure_postgres(Path(embedded.get("root", ROOT)), profile=embedded.get("profile", "default"))
    except EmbeddedServerError as error:
        raise ImproperlyConfigured(str(error)) from error


def embedded_address(settings_dict: dict[str, Any]) -> dict[str, Any]:
    """Host, port, user and password as Django's settings name them."""
    server = embedded_server(settings_dict)
    login = server.login(settings_dict["EMBEDDED"].get("role", "owner"))
    # The Unix socket where there is one: a shorter way than TCP.
    return {
        "HOST": server.socket_directory or server.host,
        "PORT": str(server.port),
        "USER": login.name,
        "PASSWORD": login.password,
    }


def bring_up_to_date(connection: Any) -> None:
    """Applies the migrations that a database lacks, as its owner; of several processes at once one does, others wait."""
    if not lacks_migrations(connection):
        return
    with locked(ROOT / "var" / "migrate.lock"):
        if not lacks_migrations(connection):
            return
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), "migrate", "--no-input", "--verbosity", "0"],
            env={**os.environ, "DATABASE_LOGIN": "owner"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        raise ImproperlyConfigured(f"The database could not be brought up to date: {done.stderr.strip()}")


def lacks_migrations(connection: Any) -> bool:
    """By the files' names: loading them, as Django does to find out, takes longer than most commands."""
    there = {
        (app.label, migration.stem)
        for app in apps.get_app_configs()
        for migration in Path(app.path, "migrations").glob("[0-9]*.py")
    }
    applied: set[tuple[str, str]] = set()
    # It may read that table since one of the first migrations; null where there is none.
    readable = "SELECT has_table_privilege(to_regclass('django_migrations'), 'SELECT')"
    if connection.execute(readable).fetchone()[0]:
        applied = set(connection.execute("SELECT app, name FROM django_migrations").fetchall())
    connection.rollback()
    return not there <= applied


class DatabaseClient(PostgresqlClient):
    """`./manage.py dbshell`: the psql that came with the server, already logged in."""

    def runshell(self, parameters: Iterable[str]) -> None:
        settings = self.connection.settings_dict
        if settings.get("EMBEDDED") and not settings["HOST"]:
            settings.update(embedded_address(settings))
            psql = embedded_server(settings).binary_dir / "psql"
            if psql.exists():
                self.executable_name = str(psql)
        super().runshell(parameters)


class DatabaseWrapper(base.DatabaseWrapper):
    client_class = DatabaseClient

    up_to_date = False
    """Whether this process has seen that the database has every migration."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connection = super().get_new_connection(conn_params)
        if self.settings_dict.get("EMBEDDED", {}).get("migrated") and not DatabaseWrapper.up_to_date:
            bring_up_to_date(connection)
            DatabaseWrapper.up_to_date = True
        return connection

    def get_connection_params(self) -> dict[str, Any]:
        configured = self.settings_dict
        if not configured.get("EMBEDDED") or configured["HOST"]:
            return super().get_connection_params()
        # Not kept in the settings: the next connection may find the server elsewhere.
        self.settings_dict = {**configured, **embedded_address(configured)}
        try:
            return super().get_connection_params()
        finally:
            self.settings_dict = configured
