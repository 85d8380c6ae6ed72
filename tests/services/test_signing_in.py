"""Signing in: wrong passwords are counted, and after too many not even the right one is looked at."""

from __future__ import annotations

import time
from uuid import uuid4

import pytest
from django.test import Client

from customers.models import Login
from customers.pages import FAILURES_FROM_ONE_ADDRESS, FAILURES_IN_ALL, WINDOW_SECONDS

pytestmark = pytest.mark.django_db


def sign_in(username: str, password: str, address: str = "10.0.0.1") -> int:
    """The status that an attempt is answered with; 302 when it succeeds."""
    form = {"username": username, "password": password}
    return Client(REMOTE_ADDR=address).post("/login/", form).status_code


@pytest.fixture
def username() -> str:
    """Somebody whose password is `right`."""
    name = f"user-{uuid4()}"
    Login.objects.create_user(name, password="right")
    return name


def test_after_too_many_wrong_passwords_the_right_one_waits(
    username: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(FAILURES_FROM_ONE_ADDRESS):
        assert sign_in(username, "wrong") == 200
    assert sign_in(username.upper(), "wrong") == 429
    assert sign_in(username, "right") == 429
    assert sign_in(username, "right", address="10.0.0.2") == 302, "its owner is elsewhere"
    later = time.time() + WINDOW_SECONDS
    monkeypatch.setattr(time, "time", lambda: later)
    assert sign_in(username, "right") == 302


def test_guessing_from_many_addresses_is_counted_together(username: str) -> None:
    for n in range(FAILURES_IN_ALL):
        assert sign_in(username, "wrong", address=f"10.1.0.{n}") == 200
    assert sign_in(username, "right", address="10.2.0.1") == 429


def test_right_passwords_are_not_counted(username: str) -> None:
    for _ in range(FAILURES_FROM_ONE_ADDRESS + 1):
        assert sign_in(username, "right") == 302
