"""Processes that do something to the same database at the same moment, each through its own connections."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing.synchronize import Barrier
from typing import Any, TypeVar

Result = TypeVar("Result")

SIZE = 8
"""Processes: enough to queue for a row at all times, few enough for two cores."""

_start: Barrier


def _join(start: Barrier) -> None:
    import tests.concurrency.loaded  # noqa: F401 - is loaded, unless the server could not preload it

    global _start
    _start = start


def _take_part(database: str, role: str, function: Callable[..., Result], arguments: Sequence[Any]) -> Result:
    from django.db import connection

    # As production does: every connection of this process, whichever thread opens it, is the application role's.
    connection.close()
    connection.settings_dict["NAME"] = database
    connection.settings_dict["OPTIONS"]["assume_role"] = role
    connection.ensure_connection()
    _start.wait(timeout=60)
    try:
        return function(*arguments)
    finally:
        connection.close()


class Crowd:
    """
    SIZE processes, kept for many runs.

    They are forked from a server that has loaded Django and opened nothing: forked from the tests' own process, they
    would share its connections.
    """

    def __init__(self) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.concurrency.loaded"])
        self._pool = ProcessPoolExecutor(
            SIZE, mp_context=context, initializer=_join, initargs=(context.Barrier(SIZE),)
        )

    def start(
        self, function: Callable[..., Result], database: str, *arguments: Sequence[Any]
    ) -> list[Future[Result]]:
        """Calls the function in every process at once, in each with its own arguments (one sequence per process)."""
        from django.conf import settings

        assert len(arguments) == SIZE
        return [
            self._pool.submit(_take_part, database, settings.DATABASE_ROLE, function, given)
            for given in arguments
        ]

    def at_once(
        self, function: Callable[..., Result], database: str, *arguments: Sequence[Any]
    ) -> list[Result]:
        """What the function returned in every process, in the order of the arguments."""
        return [future.result(timeout=120) for future in self.start(function, database, *arguments)]

    def disperse(self) -> None:
        self._pool.shutdown(cancel_futures=True)
