"""PostgreSQL and Valkey of the project's own, for a machine on which nobody has set up either.

Where `DATABASE_URL` and `BROKER_URL` name servers, nothing here is used. Where they do not, the servers are started
when something first needs them, go on running after it, and are found by whatever comes next. `./manage.py servers
stop` ends them.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

from config.embedded.daemons import EmbeddedServerError, Profile
from config.embedded.postgres import PostgresServer, Role, ensure_postgres, running_postgres, stop_postgres
from config.embedded.postgres_cluster import remove_places_elsewhere
from config.embedded.valkey import ValkeyServer, ensure_valkey, running_valkey, stop_valkey

__all__ = [
    "EmbeddedServerError",
    "PostgresServer",
    "Profile",
    "Role",
    "ServerStatus",
    "Servers",
    "ValkeyServer",
    "broker_url",
    "database_url",
    "ensure_postgres",
    "ensure_servers",
    "ensure_valkey",
    "remove_servers",
    "server_status",
    "stop_servers",
]

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Servers:
    """The servers of this checkout that it runs itself; None for one that the environment names instead."""

    postgres: PostgresServer | None
    valkey: ValkeyServer | None


@dataclass(frozen=True, kw_only=True)
class ServerStatus:
    """One line of `./manage.py servers status`."""

    name: str
    state: Literal["running", "stopped", "elsewhere"]
    address: str = ""
    pid: int | None = None
    data_dir: Path | None = None
    version: str = ""


def database_url(*, role: Role = "owner", root: Path = ROOT, profile: Profile = "default") -> str:
    """`DATABASE_URL`, or the address of the project's own PostgreSQL, which this starts if need be."""
    from_environment = os.environ.get("DATABASE_URL")
    if from_environment:
        return from_environment
    server = ensure_postgres(root, profile=profile)
    return server.owner_url if role == "owner" else server.app_url


def broker_url(*, root: Path = ROOT, profile: Profile = "default") -> str:
    """`BROKER_URL`, or the address of the project's own Valkey, which this starts if need be."""
    return os.environ.get("BROKER_URL") or ensure_valkey(root, profile=profile).url


def ensure_servers(*, root: Path = ROOT, profile: Profile = "default") -> Servers:
    """Start the servers that the environment does not name and that do not run yet.

    Raises:
        EmbeddedServerError: one of them cannot be found or started; the text says why and what to do.
    """
    return Servers(
        postgres=None if os.environ.get("DATABASE_URL") else ensure_postgres(root, profile=profile),
        valkey=None if os.environ.get("BROKER_URL") else ensure_valkey(root, profile=profile),
    )


def stop_servers(*, root: Path = ROOT, profile: Profile = "default") -> list[str]:
    """Stop the project's own servers, and return the names of those that ran."""
    stopped = []
    if stop_valkey(root, profile=profile):
        stopped.append("valkey")
    if stop_postgres(root, profile=profile):
        stopped.append("postgres")
    return stopped


def remove_servers(*, root: Path = ROOT) -> None:
    """Stop the servers of both profiles and delete all that they hold, wherever it lies. There is no way back."""
    for profile in get_args(Profile):
        stop_servers(root=root, profile=profile)
    remove_places_elsewhere(root)
    for folder in ("postgres", "valkey", "test"):
        shutil.rmtree(root / "var" / folder, ignore_errors=True)


def server_status(*, root: Path = ROOT, profile: Profile = "default") -> list[ServerStatus]:
    """What runs where. Starts nothing."""
    return [
        _status_line("postgres", os.environ.get("DATABASE_URL"), running_postgres(root, profile=profile)),
        _status_line("valkey", os.environ.get("BROKER_URL"), running_valkey(root, profile=profile)),
    ]


def _status_line(
    name: str, elsewhere: str | None, server: PostgresServer | ValkeyServer | None
) -> ServerStatus:
    if elsewhere:
        parts = urlsplit(elsewhere)
        address = f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
        return ServerStatus(name=name, state="elsewhere", address=address)
    if server is None:
        return ServerStatus(name=name, state="stopped")
    return ServerStatus(
        name=name,
        state="running",
        address=f"{server.host}:{server.port}",
        pid=server.pid,
        data_dir=server.data_dir,
        version=server.version,
    )
