"""How often something may happen: fixed windows, counted in each process that serves, without a store."""

from __future__ import annotations

import threading
import time

MINUTE = 60
_MOST_COUNTED = 50_000

_lock = threading.Lock()
_counts: dict[tuple[str, int], tuple[int, int]] = {}


def take(name: str, most: int, *, seconds: int = MINUTE) -> float | None:
    """Counts once more that `name` happened; the seconds to wait when that is more than `most` in the window, else None."""
    now = time.time()
    window = int(now // seconds)
    with _lock:
        counted, times = _counts.get((name, seconds), (window, 0))
        times = times + 1 if counted == window else 1
        if len(_counts) >= _MOST_COUNTED and (name, seconds) not in _counts:
            _counts.clear()
        _counts[name, seconds] = (window, times)
    return (window + 1) * seconds - now if times > most else None


def used_up(name: str, most: int, *, seconds: int = MINUTE) -> bool:
    """Whether `name` happened `most` times in this window, without counting."""
    counted, times = _counts.get((name, seconds), (0, 0))
    return counted == int(time.time() // seconds) and times >= most


def forget(name: str) -> None:
    """Starts counting anew."""
    with _lock:
        for key in [key for key in _counts if key[0] == name]:
            del _counts[key]
