"""The settings of the server that the HTTP bench starts: `make run`'s way of serving, on the bench's own database."""

from __future__ import annotations

import os

from bench.settings import *  # noqa: F403
from bench.settings import DATABASES as BENCH_DATABASES

ROOT_URLCONF = "bench.web_urls"
ALLOWED_HOSTS = ["127.0.0.1"]
# As in config.settings.base: connections are kept, and looked at once per request.
DATABASES = {
    "default": {
        **BENCH_DATABASES["default"],
        "NAME": os.environ.get("BENCH_DATABASE", "creditbox"),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }
}
