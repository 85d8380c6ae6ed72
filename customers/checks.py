"""What `./manage.py check` says of the identity keys, before the first customer meets a wrong one."""

from __future__ import annotations

from typing import Any

from django.core.checks import Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

from customers import sealing


@register(Tags.security)
def identity_keys_are_usable(app_configs: object, **kwargs: Any) -> list[Error]:
    """One error when a key in IDENTITY_KEYS or IDENTITY_INDEX_KEY cannot be used."""
    try:
        sealing.check_keys()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="customers.E001")]
    return []
