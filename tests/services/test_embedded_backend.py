"""Django and Celery on the project's own servers: found when first needed, and again when they have moved."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from config.celery import app
from config.embedded.backend.base import DatabaseWrapper, lacks_migrations
from config.embedded.postgres import ensure_postgres, running_postgres, stop_postgres
from tests.services.test_embedded_servers import make_checkout, remove_checkout

STORY = {"line": {"limit": "8000.00", "opened_on": "2026-05-20"}, "events": [], "until": "2026-05-20"}


@pytest.fixture(scope="module")
def checkout() -> Iterator[Path]:
    folder = make_checkout()
    yield folder
    remove_checkout(folder)


def connection_to(root: Path, *, role: str = "app", **settings: Any) -> DatabaseWrapper:
    """A connection of its own, outside the test database."""
    complete: dict[str, Any] = {
        **connections["default"].settings_dict,
        "NAME": "creditbox",
        "OPTIONS": {},
        "EMBEDDED": {"root": root, "profile": "test", "role": role},
        **settings,
    }
    return DatabaseWrapper(complete, alias="other")


def ask(connection: DatabaseWrapper, query: str) -> Any:
    """The one value that a query gives, over a new connection of Django's making."""
    with connection.get_new_connection(connection.get_connection_params()) as opened:
        return opened.execute(query).fetchone()[0]


@pytest.mark.parametrize(("role", "login"), [("app", "credit_app"), ("owner", "credit_owner")])
def test_the_first_query_starts_the_server_and_logs_in_as_its_role(
    checkout: Path, role: str, login: str
) -> None:
    stop_postgres(checkout, profile="test")
    connection = connection_to(checkout, role=role)
    assert running_postgres(checkout, profile="test") is None

    assert ask(connection, "SELECT current_user::text") == login


def test_a_new_connection_follows_the_server_to_another_port(checkout: Path) -> None:
    connection = connection_to(checkout)
    port = ensure_postgres(checkout, profile="test").port
    assert ask(connection, "SELECT current_setting('port')::int") == port
    stop_postgres(checkout, profile="test")

    with socket.create_server(("127.0.0.1", port)):
        assert ask(connection, "SELECT current_setting('port')::int") != port


def test_nothing_of_the_server_is_kept_in_the_settings(checkout: Path) -> None:
    connection = connection_to(checkout)
    ask(connection, "SELECT 1")

    assert (connection.settings_dict["HOST"], connection.settings_dict["PASSWORD"]) == ("", "")


def test_a_host_in_the_settings_is_taken_as_it_stands(checkout: Path) -> None:
    stop_postgres(checkout, profile="test")
    connection = connection_to(checkout, HOST="db.example", USER="somebody", PASSWORD="secret")

    parameters = connection.get_connection_params()

    assert (parameters["host"], parameters["user"]) == ("db.example", "somebody")
    assert running_postgres(checkout, profile="test") is None


def test_a_server_that_cannot_start_is_an_error_of_configuration_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file where a folder should be")

    with pytest.raises(ImproperlyConfigured, match="Cannot write to"):
        connection_to(tmp_path).get_connection_params()


def test_a_database_without_tables_lacks_migrations(checkout: Path) -> None:
    connection = connection_to(checkout)
    with connection.get_new_connection(connection.get_connection_params()) as opened:
        assert lacks_migrations(opened)


def test_a_command_brings_the_database_up_to_date_first() -> None:
    """In a fresh checkout whose database an older version left: right after installation it has no table at all."""
    folder = make_checkout()
    project = Path(__file__).resolve().parents[2]
    for name in subprocess.check_output(["git", "ls-files"], cwd=project, text=True).splitlines():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(project / name, folder / name)
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DJANGO_", "DATABASE_", "BROKER_", "TEST_DATABASE"))
    }

    def run(command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *command.split()],
            cwd=folder,
            env=environment,
            input=json.dumps(STORY),
            capture_output=True,
            text=True,
            check=False,
        )

    try:
        assert run("migrate operations 0001").returncode == 0
        done = run("simulate_line")
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout)["drawn"] == "0.00"
    finally:
        remove_checkout(folder)


def test_celery_looks_for_its_broker_only_when_it_connects(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def broker_url(*, profile: str) -> str:
        asked.append(profile)
        return "memory://"

    monkeypatch.setattr("config.celery.broker_url", broker_url)

    assert app.conf.task_default_queue
    assert app.conf.broker_url is None
    assert asked == []
    app.connection_for_write()
    app.connection_for_read()
    assert asked == ["test", "test"]


def test_celery_reaches_the_projects_own_valkey() -> None:
    with app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1)
        assert connection.connected
