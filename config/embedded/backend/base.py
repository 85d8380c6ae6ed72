"""Django's PostgreSQL backend, except that where no server is named it finds the project's own and starts it.

    DATABASES = {"default": {"ENGINE": "config.embedded.backend", "NAME": "creditbox",
                             "EMBEDDED": {"profile": "default", "role": "owner"}}}

So any `./manage.py` command works right after installation, and none waits for a server that it does not need: the
server is looked up when a connection is opened, which is also when a restart on another port is noticed.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.postgresql import base
from django.db.backends.postgresql.client import DatabaseClient as PostgresqlClient

from config.embedded import ROOT
from config.embedded.daemons import EmbeddedServerError
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
