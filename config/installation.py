"""Secrets of one installation: from the environment, else generated once under var/ and kept."""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path


def installation_secret(var_dir: Path, name: str) -> str:
    """
    The secret `name`: the environment variable of that name, else the one kept in var/secrets/.

    A missing one is generated: 32 random bytes, URL-safe base64, readable by the owner only. The file appears
    complete or not at all, so that two processes starting together agree on one value.
    """
    if value := os.environ.get(name):
        return value
    path = var_dir / "secrets" / name.lower()
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        draft.touch(mode=0o600)
        draft.write_text(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()
