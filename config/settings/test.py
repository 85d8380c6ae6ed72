"""Tests: fixed keys, cheap password hashes, their own database server (see tests/conftest.py)."""

from __future__ import annotations

import os

from .base import *  # noqa: F403
from .base import BASE_DIR, DATABASE_ROLE

SECRET_KEY = "only-for-tests"  # noqa: S105
IDENTITY_KEYS = ["dGVzdC1pZGVudGl0eS1rZXktMDEyMzQ1Njc4OWFiY2Q="]
IDENTITY_INDEX_KEY = "dGVzdC1pbmRleC1rZXktMDEyMzQ1Njc4OWFiY2RlZmc="
PAYMENT_GATEWAY = "payments.simulator.SimulatedGateway"
# No worker listens: tests sweep.
PAYMENT_HINTS = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ALLOWED_HOSTS = ["*"]
# Nothing is collected: files come from where they are written.
WHITENOISE_USE_FINDERS = True
VAR_DIR = BASE_DIR / "var" / "test"
STATIC_ROOT = VAR_DIR / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)

# A server of the tests' own, whatever else runs on the machine. Its owner makes the test database; the tests then
# run as the application role (tests/conftest.py).
EMBEDDED_PROFILE = "test"
DATABASES = {
    "default": {
        "ENGINE": "config.embedded.backend",
        "NAME": "creditbox",
        "EMBEDDED": {"profile": EMBEDDED_PROFILE, "role": "owner"},
        "OPTIONS": {"prepare_threshold": 3},
    }
}

# A test that starts commands of its own names the database they are to use; they are the application.
if TEST_DATABASE := os.environ.get("TEST_DATABASE"):
    DATABASES["default"]["NAME"] = TEST_DATABASE
    DATABASES["default"]["OPTIONS"] = {"prepare_threshold": 3, "assume_role": DATABASE_ROLE}
