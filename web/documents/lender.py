"""Who issues this installation's documents."""

from __future__ import annotations

from django.conf import settings

from web.documents.content import Issuer


def lender() -> Issuer:
    """The lender as the settings name it (`LENDER`)."""
    said = settings.LENDER
    contact = tuple(said[name] for name in ("phone", "email", "address") if said[name])
    return Issuer(said["name"], contact, said["complaints"])
