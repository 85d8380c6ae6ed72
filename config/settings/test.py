"""Tests: fixed keys, cheap password hashes, their own database server (see tests/conftest.py)."""

from __future__ import annotations

from .base import *  # noqa: F403
from .base import BASE_DIR

SECRET_KEY = "only-for-tests"  # noqa: S105
IDENTITY_KEYS = ["dGVzdC1pZGVudGl0eS1rZXktMDEyMzQ1Njc4OWFiY2Q="]
IDENTITY_INDEX_KEY = "dGVzdC1pbmRleC1rZXktMDEyMzQ1Njc4OWFiY2RlZmc="
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ALLOWED_HOSTS = ["*"]
# Nothing is collected: files come from where they are written.
WHITENOISE_USE_FINDERS = True
STATIC_ROOT = BASE_DIR / "static"

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
