from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.concurrency.crowd import Crowd


@pytest.fixture(scope="session")
def crowd() -> Iterator[Crowd]:
    """Eight processes that act at the same moment."""
    crowd = Crowd()
    yield crowd
    crowd.disperse()
