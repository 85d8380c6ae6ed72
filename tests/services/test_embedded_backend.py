"""Django and Celery on the project's own servers: found when first needed, and again when they have moved."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from config.celery import app
from config.embedded.backend.base import DatabaseWrapper
from config.embedded.postgres import ensure_postgres, running_postgres, stop_postgres
from tests.services.test_embedded_servers import make_checkout, remove_checkout


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
