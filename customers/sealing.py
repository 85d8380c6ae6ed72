"""
How national IDs, phones and e-mail addresses are stored: sealed with AES-256-GCM; numbers are found again by a keyed blind
index.

A sealed value is `version (1 byte) | key id (4) | nonce (12) | ciphertext and tag`. It is bound to its field and to its
customer: moved to another row or column it cannot be opened. Keys come from settings.IDENTITY_KEYS, newest first: the
first seals, all open, so a new key is put in front and `./manage.py rotate_identity_keys` re-seals what the old ones
sealed. Nonces are random, which is safe for 2³² values under one key.

The blind index is HMAC-SHA256 under settings.IDENTITY_INDEX_KEY: equal numbers have equal indexes, and without the key
none can be computed, so the few national IDs of one birth date cannot be tried out on a stolen table.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from finance.errors import DomainError

_VERSION = b"\x01"
_KEY_BYTES = 32
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12
_HEADER_BYTES = len(_VERSION) + _KEY_ID_BYTES


class Sealed(StrEnum):
    """The fields that are stored sealed."""

    NATIONAL_ID = "national_id"
    PHONE = "phone"
    EMAIL = "email"
    NEW_EMAIL = "new_email"
    NEW_EMAIL_CODE = "new_email_code"


class SealBroken(DomainError):
    """A sealed value that no key opens: it was tampered with, moved, or its key is gone from settings.IDENTITY_KEYS."""

    code = "seal_broken"


@dataclass(frozen=True, slots=True)
class _Keyring:
    """Headers to ciphers in the order of the settings, and the key of the blind index."""

    current: bytes
    ciphers: dict[bytes, AESGCM]
    index_key: bytes


def _key(setting: str, encoded: str) -> bytes:
    try:
        key = base64.b64decode(encoded.strip(), altchars=b"-_", validate=True)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise ImproperlyConfigured(
            f"{setting}: a key must be 32 random bytes in URL-safe base64 (44 characters); make one with "
            '`python -c "import base64, secrets; print(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())"`'
        )
    return key


@lru_cache(maxsize=4)
def _keyring_of(encoded_keys: tuple[str, ...], encoded_index_key: str) -> _Keyring:
    if not encoded_keys:
        raise ImproperlyConfigured("IDENTITY_KEYS: at least one key is needed, the newest first")
    ciphers: dict[bytes, AESGCM] = {}
    for encoded in encoded_keys:
        key = _key("IDENTITY_KEYS", encoded)
        header = _VERSION + hashlib.sha256(b"identity key id" + key).digest()[:_KEY_ID_BYTES]
        if header in ciphers:
            raise ImproperlyConfigured("IDENTITY_KEYS: a key is listed twice")
        ciphers[header] = AESGCM(key)
    return _Keyring(next(iter(ciphers)), ciphers, _key("IDENTITY_INDEX_KEY", encoded_index_key))


def _keyring() -> _Keyring:
    return _keyring_of(tuple(settings.IDENTITY_KEYS), settings.IDENTITY_INDEX_KEY)


def check_keys() -> None:
    """ImproperlyConfigured when the keys in the settings cannot be used; says which and what would be right."""
    _keyring()


def current_header() -> bytes:
    """What every value sealed with the newest key begins with."""
    return _keyring().current


def seal(plaintext: str, *, field: Sealed, owner: UUID) -> bytes:
    """`plaintext` sealed with the newest key, for this field of this customer only."""
    keyring = _keyring()
    nonce = os.urandom(_NONCE_BYTES)
    bound_to = field.encode() + owner.bytes
    return (
        keyring.current
        + nonce
        + keyring.ciphers[keyring.current].encrypt(nonce, plaintext.encode(), bound_to)
    )


def unseal(sealed: bytes | memoryview, *, field: Sealed, owner: UUID) -> str:
    """What was sealed. SealBroken when this is not, unchanged, what was sealed for this field of this customer."""
    value = bytes(sealed)
    cipher = _keyring().ciphers.get(value[:_HEADER_BYTES])
    if cipher is None:
        raise SealBroken(
            f"the {field} of customer {owner} was sealed with a key that is not in IDENTITY_KEYS, or was tampered with"
        )
    nonce_end = _HEADER_BYTES + _NONCE_BYTES
    try:
        return cipher.decrypt(
            value[_HEADER_BYTES:nonce_end], value[nonce_end:], field.encode() + owner.bytes
        ).decode()
    except (InvalidTag, ValueError):
        raise SealBroken(
            f"the {field} of customer {owner} was tampered with or belongs to someone else"
        ) from None


def blind_index(plaintext: str, *, field: Sealed) -> bytes:
    """32 bytes by which an equal value of the same field is found, and nothing else is learnt."""
    return hmac.digest(_keyring().index_key, field.encode() + b"\0" + plaintext.encode(), "sha256")
