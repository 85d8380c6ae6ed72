"""Generated histories: in the import's format, always the same, with a risk in them that a model can learn."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from creditscore.card_histories import CardHistory, HistoryFile
from creditscore.services.synthetic_histories import generate_histories


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[CardHistory]:
    """3,000 people."""
    file = generate_histories(people=3_000, seed=1, file=tmp_path_factory.mktemp("generated") / "people.csv")
    return list(HistoryFile(file).rows())


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    one, same, other = (
        generate_histories(people=50, seed=seed, file=tmp_path / name).read_bytes()
        for seed, name in ((1, "one.csv.gz"), (1, "same.csv.gz"), (2, "other.csv.gz"))
    )
    assert one == same != other
    assert one.startswith(b"\x1f\x8b")


def test_every_row_is_one_that_the_import_takes(rows: list[CardHistory]) -> None:
    assert [row.id for row in rows] == list(range(1, 3_001))
    assert 0.11 < np.mean([row.defaulted for row in rows]) < 0.19
    assert any(statement < 0 for row in rows for statement in row.statements)
    assert {status for row in rows for status in row.months_late} >= {-2, -1, 0, 1, 2, 3}


def test_whoever_was_late_defaults_more_often_and_chance_has_its_part(rows: list[CardHistory]) -> None:
    late = [row.defaulted for row in rows if row.months_late[0] >= 2]
    on_time = [row.defaulted for row in rows if max(row.months_late) <= 0]
    assert 0.4 < np.mean(late) < 0.9
    assert 0.02 < np.mean(on_time) < 0.12


def test_a_late_month_is_followed_by_the_next_later_one_or_by_one_that_is_not(
    rows: list[CardHistory],
) -> None:
    """No account grows later by two months in one."""
    for row in rows:
        oldest_first = list(reversed(row.months_late))
        assert all(after <= max(before, 0) + 1 for before, after in pairwise(oldest_first))


@pytest.mark.parametrize("people", [0, -1, 1_000_000])
def test_a_number_of_people_that_cannot_be(tmp_path: Path, people: int) -> None:
    with pytest.raises(ValueError, match="people must be from 1"):
        generate_histories(people=people, seed=1, file=tmp_path / "x.csv")
    assert not (tmp_path / "x.csv").exists()
