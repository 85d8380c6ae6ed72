"""Processes that authorise through the Python service, as an application server's workers do."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from multiprocessing.connection import Connection

from bench.figures import percentile


@dataclass(frozen=True, slots=True)
class Called:
    """What all callers did in one go."""

    authorised: int
    refused: int
    seconds: float
    latencies_ms: list[float]

    @property
    def per_second(self) -> float:
        return self.authorised / self.seconds

    def percentile_ms(self, share: float) -> float:
        return percentile(self.latencies_ms, share)


class Callers:
    """Processes with a Django connection each, waiting to be told to go."""

    def __init__(self, pipes: list[Connection]) -> None:
        self._pipes = pipes

    def call(self, *, seconds: float) -> Called:
        """All of them authorise for so many seconds."""
        begin = time.time() + 0.2
        for pipe in self._pipes:
            pipe.send((begin, seconds))
        answers: list[tuple[int, int, list[float]]] = [pipe.recv() for pipe in self._pipes]
        return Called(
            authorised=sum(answer[0] for answer in answers),
            refused=sum(answer[1] for answer in answers),
            seconds=seconds,
            latencies_ms=sorted(each for answer in answers for each in answer[2]),
        )


@contextmanager
def callers(*, count: int, database: str, lines: int, shops: int, on: date, seed: int) -> Iterator[Callers]:
    """Starts the processes and waits until each has authorised something; ends them at the end."""
    context = multiprocessing.get_context("spawn")
    pairs = [context.Pipe() for _ in range(count)]
    processes = [
        context.Process(target=_serve, args=(there, database, lines, shops, on, seed + n), daemon=True)
        for n, (_, there) in enumerate(pairs)
    ]
    for process in processes:
        process.start()
    try:
        group = Callers([here for here, _ in pairs])
        group.call(seconds=0.5)
        yield group
        for here, _ in pairs:
            here.send(None)
    finally:
        for process in processes:
            process.join(timeout=5)
            process.kill()


def _serve(pipe: Connection, database: str, lines: int, shops: int, on: date, seed: int) -> None:
    import random
    from uuid import UUID

    import django

    django.setup()
    from bench.server import use
    from finance.errors import DomainError
    from huabei.services.purchases import authorise

    use(database)
    dice = random.Random(seed)
    asked = 0
    while order := pipe.recv():
        begin, seconds = order
        time.sleep(max(begin - time.time(), 0))
        end = time.perf_counter() + seconds
        authorised = refused = 0
        latencies: list[float] = []
        while (started := time.perf_counter()) < end:
            asked += 1
            try:
                authorise(
                    line_id=dice.randint(1, lines),
                    merchant_id=UUID(int=dice.randint(1, shops)),
                    amount_fen=dice.randint(1, 100),
                    reference=f"call-{seed}-{asked}",
                    on=on,
                )
                authorised += 1
            except DomainError:
                refused += 1
            latencies.append((time.perf_counter() - started) * 1000)
        pipe.send((authorised, refused, latencies))
