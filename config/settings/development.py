"""One installation on one machine: embedded servers, secrets generated once under var/."""

from __future__ import annotations

from config.installation import installation_secret

from .base import *  # noqa: F403
from .base import VAR_DIR

SECRET_KEY = installation_secret(VAR_DIR, "DJANGO_SECRET_KEY")
IDENTITY_KEYS = [installation_secret(VAR_DIR, "IDENTITY_ENCRYPTION_KEY")]
IDENTITY_INDEX_KEY = installation_secret(VAR_DIR, "IDENTITY_INDEX_KEY")

DEBUG = False
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
WHITENOISE_USE_FINDERS = True

# Nothing leaves the machine: each e-mail is a file that can be looked at.
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = VAR_DIR / "mail"

# A gateway that moves no money, with accounts of its own.
PAYMENT_GATEWAY = "payments.simulator.SimulatedGateway"
