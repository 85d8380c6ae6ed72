"""
Public identifiers: what the outside calls a record whose key is a serial number.

A serial number tells how many there are and invites to try the next. Its public identifier is the number and its kind
enciphered as one block of AES, which has the size of a UUID: no column, no index, nothing to store, and one that was made up
deciphers to no record. They last as long as the installation's identity keys.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from functools import lru_cache
from uuid import UUID

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from django.conf import settings


@lru_cache(maxsize=4)
def _cipher(secret: str) -> Cipher[modes.ECB]:
    key = hmac.digest(base64.urlsafe_b64decode(secret), b"public identifiers", "sha256")[:16]
    # One block that is never the same for two records: there is nothing to chain.
    return Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305


@lru_cache(maxsize=256)
def _tag(kind: str) -> bytes:
    return hashlib.blake2s(kind.encode(), digest_size=8).digest()


def public_id(kind: str, number: int) -> str:
    """The public identifier of record `number` of a kind ("purchase")."""
    encryptor = _cipher(settings.IDENTITY_INDEX_KEY).encryptor()
    return str(UUID(bytes=encryptor.update(_tag(kind) + number.to_bytes(8, "big"))))


def number_of(kind: str, identifier: UUID) -> int | None:
    """The record's number; None when the identifier is of no record of this kind."""
    block = _cipher(settings.IDENTITY_INDEX_KEY).decryptor().update(identifier.bytes)
    number = int.from_bytes(block[8:], "big")
    return number if hmac.compare_digest(block[:8], _tag(kind)) and number < 2**63 else None
