"""How often somebody may call: a fixed window of a minute, counted in each process that serves, without a store."""

from __future__ import annotations

import threading
import time

WINDOW_SECONDS = 60
_MOST_COUNTED = 50_000

_lock = threading.Lock()
_counts: dict[str, tuple[int, int]] = {}


def take(name: str, per_minute: int) -> float | None:
    """Counts one call of `name`; the seconds to wait when that is more than `per_minute`, else None."""
    now = time.time()
    window = int(now // WINDOW_SECONDS)
    with _lock:
        counted, calls = _counts.get(name, (window, 0))
        calls = calls + 1 if counted == window else 1
        if len(_counts) >= _MOST_COUNTED and name not in _counts:
            _counts.clear()
        _counts[name] = (window, calls)
    return (window + 1) * WINDOW_SECONDS - now if calls > per_minute else None


def forget(name: str) -> None:
    """Starts counting anew."""
    with _lock:
        _counts.pop(name, None)
