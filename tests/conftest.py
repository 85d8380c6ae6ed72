"""What every test may use."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import setup_databases, teardown_databases
from django.utils import translation
from pytest_django.plugin import DjangoDbBlocker

T = TypeVar("T")
SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of third-party cases and data beside the project; a test that needs it is skipped without it."""
    if not SHARED.is_dir():
        pytest.skip("the folder of third-party cases and data is not beside this checkout")
    return SHARED


@pytest.fixture(autouse=True)
def _messages_in_english() -> Iterator[None]:
    """Messages are compared in the language of their source; a page speaks the language that its request asks for."""
    with translation.override("en"):
        yield


def _reconnect(*, name: str, role: str | None) -> None:
    connection.close()
    connection.settings_dict["NAME"] = name
    options = connection.settings_dict["OPTIONS"]
    options.pop("assume_role", None)
    if role:
        options["assume_role"] = role


@pytest.fixture(scope="session")
def django_db_setup(
    request: pytest.FixtureRequest,
    django_test_environment: None,
    django_db_modify_db_settings: None,
    django_db_keepdb: bool,
    django_db_createdb: bool,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[None]:
    """
    The test database, made by its owner, then used as the application role: tests run under production's grants.

    It replaces pytest-django's, which makes no database where only `committed_db` asks for one.
    """
    verbosity = request.config.option.verbose
    keep = django_db_keepdb and not django_db_createdb
    with django_db_blocker.unblock():
        databases = setup_databases(verbosity=verbosity, interactive=False, keepdb=keep)
        name = str(connection.settings_dict["NAME"])
        _reconnect(name=name, role=settings.DATABASE_ROLE)
        yield
        _reconnect(name=name, role=None)
        if not django_db_keepdb:
            teardown_databases(databases, verbosity=verbosity)


_clones = itertools.count(1)


@contextmanager
def _clone(blocker: DjangoDbBlocker) -> Iterator[str]:
    with blocker.unblock():
        template = str(connection.settings_dict["NAME"])
        clone = f"{template}_{next(_clones)}"
        _reconnect(name=template, role=None)
        connection.close()
        with connection._nodb_cursor() as cursor:
            # A run that was killed leaves its clones behind.
            cursor.execute(f'DROP DATABASE IF EXISTS "{clone}" WITH (FORCE)')
            cursor.execute(f'CREATE DATABASE "{clone}" TEMPLATE "{template}"')
        _reconnect(name=clone, role=settings.DATABASE_ROLE)
        try:
            yield clone
        finally:
            _reconnect(name=template, role=None)
            with connection._nodb_cursor() as cursor:
                cursor.execute(f'DROP DATABASE "{clone}" WITH (FORCE)')
            _reconnect(name=template, role=settings.DATABASE_ROLE)


@pytest.fixture
def committed_db(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """
    A database of one test's own, a clone of the migrated one, in which transactions really commit; yields its name.

    Facts cannot be truncated, so a test that commits gets a database to throw away instead of a flush.
    """
    with _clone(django_db_blocker) as name:
        yield name


@pytest.fixture(scope="module")
def module_db(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """The same for all tests of a module, which share what the first of them commits."""
    with _clone(django_db_blocker) as name:
        yield name


@pytest.fixture(scope="module")
def once(module_db: str, django_db_blocker: DjangoDbBlocker) -> Callable[[Callable[[], T]], T]:
    """
    `once(make)` makes a world that takes long, once for all tests of a module; each finds it as it was made: what a test
    itself does is rolled back. What `make` returns is shared: let it be keys, and read the rows anew for each test.
    """

    def made(make: Callable[[], T]) -> T:
        with django_db_blocker.unblock(), translation.override("en"):
            return make()

    return made
