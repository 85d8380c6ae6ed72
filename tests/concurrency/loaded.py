"""Django, set up for the tests, for what is not started by pytest: importing this is enough."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
django.setup()

import pytest  # noqa: E402, F401 - loaded once here instead of in every process

import ledger.audit  # noqa: E402, F401
