from __future__ import annotations

import pytest

from tests.api.world import World, a_world


@pytest.fixture
def world(db: None) -> World:
    """The world that the API is called in."""
    return a_world()
