"""What every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of third-party cases and data beside the project; a test that needs it is skipped without it."""
    if not SHARED.is_dir():
        pytest.skip("the folder of third-party cases and data is not beside this checkout")
    return SHARED
