"""The bench's settings: production's way of running the database, on a server of the bench's own under var/bench."""

from __future__ import annotations

from config.settings.test import *  # noqa: F403
from config.settings.test import BASE_DIR

BENCH_ROOT = BASE_DIR / "var" / "bench"
LOGGING_CONFIG = None

# Unlike the tests' server a durable one: synchronous_commit, fsync, full pages and checksums, as `make run` has it. The
# services run as the application role, as they do in production.
DATABASES = {
    "default": {
        "ENGINE": "config.embedded.backend",
        "NAME": "creditbox",
        "EMBEDDED": {"root": str(BENCH_ROOT), "profile": "default", "role": "app"},
        "CONN_MAX_AGE": None,
        "OPTIONS": {"prepare_threshold": 3},
    }
}
