"""Authorising over HTTP: Granian as `make run` starts it, our own load on loopback, and the same statement in a bare view."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from statistics import median
from uuid import UUID

from bench.figures import Figure, percentile, ratio_of, say
from bench.load import Load, Sent, request
from bench.server import BenchServer, use
from config.embedded import ROOT
from customers.services.api_keys import create_key
from huabei.models import Line, Purchase
from ledger.audit import verify
from operations.services.closing import set_business_date
from web.api.callers import Scope

DAY = date(2026, 6, 5)
CONNECTIONS = 16
PACE = 200.0
LONGEST_P99_MS = 35.0
DUPLICATES = 100
SHOPS_WITH_KEYS = 50


@contextmanager
def granian(database: str) -> Iterator[int]:
    """The server on a free port, as config/management/commands/run.py starts it; ended at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)),
        *(
            "--workers",
            "2",
            "--blocking-threads",
            "4",
            "--no-ws",
            "--log-level",
            "warning",
            "config.wsgi:application",
        ),
    ]
    environment = {
        **os.environ, "DJANGO_SETTINGS_MODULE": "bench.web_settings", "BENCH_DATABASE": database, "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    server = subprocess.Popen(command, env=environment, cwd=ROOT, stdin=subprocess.DEVNULL)
    try:
        _wait_for(server, port)
        yield port
    finally:
        server.terminate()
        try:
            server.wait(timeout=15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait_for(server: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(300):
        if server.poll() is not None:
            raise RuntimeError(f"granian ended with {server.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("granian does not answer")


class Orders:
    """Requests to authorise, each with a key of its own, for lines and shops at random."""

    def __init__(self, port: int, tokens: dict[UUID, str], lines: list[UUID], *, seed: int) -> None:
        self._port = port
        self._tokens = list(tokens.items())
        self._lines = lines
        self._dice = random.Random(seed)
        self._sent = 0

    def product(self, *, lines: int | None = None, shops: int | None = None) -> Iterator[bytes]:
        """To the product, among the first so many lines and shops."""
        while True:
            line, (_shop, token) = (
                self._dice.choice(self._lines[:lines]),
                self._dice.choice(self._tokens[:shops]),
            )
            body = f'{{"line": "{line}", "amount": "0.01"}}'
            yield self._made("/api/v1/authorisations/", body, {"Authorization": f"Bearer {token}"})

    def floor(self) -> Iterator[bytes]:
        """To the bare view."""
        while True:
            line, (shop, _token) = self._dice.choice(self._lines), self._dice.choice(self._tokens)
            yield self._made("/floor/", f'{{"line": "{line}", "merchant": "{shop}", "amount": 1}}', {})

    def _made(self, path: str, body: str, headers: dict[str, str]) -> bytes:
        self._sent += 1
        key = {"Idempotency-Key": f"order-{self._sent}", "Accept": "application/json"}
        return request(self._port, path, body.encode(), {**headers, **key})


def serving(
    server: BenchServer, *, template: str, seed: int, rounds: int, seconds: float
) -> Iterator[Figure]:
    """The figures of an authorisation over HTTP, and the proof that the books hold after all of them."""
    with server.copy_of(template) as database:
        use(database)
        set_business_date(on=DAY)
        tokens = _keys()
        lines = list(Line.objects.order_by("pk").values_list("uuid", flat=True)[:20_000])
        use(database)
        with granian(database) as port:
            orders = Orders(port, tokens, lines, seed=seed)
            load = Load(port, CONNECTIONS)
            runs = _rounds(load, orders, rounds=rounds, seconds=seconds)
            paced = load.paced(_some(orders.product(), int(PACE * seconds)), per_second=PACE)
            load.close()
            same = _duplicates(port, next(orders.product()))
        _prove([*runs["product"], *runs["floor"], *runs["hot line"], *runs["hot shop"], paced], extra=1)
        yield _figure("http_authorise", "authorise over HTTP", runs, "product", "a bare view", "floor", 0.8)
        yield _latency(paced)
        yield _figure(
            "http_hot_line", "authorise over HTTP, one line", runs, "hot line", "many lines", "product", None
        )
        yield _figure(
            "http_hot_merchant",
            "authorise over HTTP, one shop",
            runs,
            "hot shop",
            "many shops",
            "product",
            0.9,
        )
        yield same


def _keys() -> dict[UUID, str]:
    return {
        UUID(int=n): create_key(
            name="bench", shop_id=UUID(int=n), scopes=[Scope.PURCHASES_WRITE], made_by="bench",
            at=datetime(2026, 6, 1, tzinfo=UTC), per_minute=2**31 - 1,
        ).token
        for n in range(1, SHOPS_WITH_KEYS + 1)
    }  # fmt: skip


def _rounds(load: Load, orders: Orders, *, rounds: int, seconds: float) -> dict[str, list[Sent]]:
    """Each load in each round, there and back, so that what comes first is not always the same."""
    makers: dict[str, Callable[[], Iterator[bytes]]] = {
        "floor": orders.floor,
        "product": orders.product,
        "hot line": lambda: orders.product(lines=1),
        "hot shop": lambda: orders.product(shops=1),
    }
    runs: dict[str, list[Sent]] = {name: [] for name in makers}
    say("http: warming up")
    for name, make in makers.items():
        runs[name].append(load.closed_loop(make(), seconds=max(seconds / 2, 1)))
    for number in range(1, rounds + 1):
        say(f"http: round {number} of {rounds}")
        for name, make in list(makers.items())[:: 1 if number % 2 else -1]:
            runs[name].append(load.closed_loop(make(), seconds=seconds))
    assert all(not run.failed for each in runs.values() for run in each), {
        name: [run.statuses for run in each] for name, each in runs.items()
    }
    return runs


def _some(requests: Iterator[bytes], count: int) -> Iterator[bytes]:
    return (next(requests) for _ in range(count))


def _figure(
    name: str,
    what: str,
    runs: dict[str, list[Sent]],
    run: str,
    floor: str,
    floor_run: str,
    target: float | None,
) -> Figure:
    # The first of each was to warm up.
    measured, floors = runs[run][1:], runs[floor_run][1:]
    rates, floor_rates = [each.per_second for each in measured], [each.per_second for each in floors]
    latencies = sorted(ms for each in measured for ms in each.latencies_ms)
    return Figure(
        name=name,
        what=what,
        unit="/s",
        value=median(rates),
        floor=floor,
        floor_value=median(floor_rates),
        ratio=ratio_of(rates, floor_rates),
        target=target,
        p50_ms=percentile(latencies, 0.5),
        p99_ms=percentile(latencies, 0.99),
        errors=sum(each.failed for each in measured),
        detail={
            "connections": CONNECTIONS,
            "server": "granian, 2 workers of 4 threads",
            "rounds": [list(pair) for pair in zip(rates, floor_rates, strict=True)],
            "floor_p99_ms": median(percentile(each.latencies_ms, 0.99) for each in floors),
        },
    )


def _latency(paced: Sent) -> Figure:
    p99 = percentile(paced.latencies_ms, 0.99)
    return Figure(
        name="http_latency",
        what="p99 over HTTP at 200/s",
        unit="ms",
        value=p99,
        floor="at most",
        floor_value=LONGEST_P99_MS,
        ratio=p99 / LONGEST_P99_MS,
        target=1.0,
        at_most=True,
        p50_ms=percentile(paced.latencies_ms, 0.5),
        p99_ms=p99,
        errors=paced.failed,
        detail={"requests": len(paced.latencies_ms), "longest_ms": paced.latencies_ms[-1]},
    )


def _duplicates(port: int, order: bytes) -> Figure:
    """One request a hundred times at the same moment: one purchase, one answer."""
    before = Purchase.objects.count()
    load = Load(port, DUPLICATES)
    sent = load.at_once([order] * DUPLICATES)
    load.close()
    effects, answers = Purchase.objects.count() - before, len(set(sent.answers))
    assert sent.statuses == {201: DUPLICATES}, sent.statuses
    return Figure(
        name="http_duplicates",
        what="100 duplicates at once: effects, and answers",
        unit="",
        value=max(effects, answers),
        floor="one",
        floor_value=1,
        ratio=max(effects, answers),
        target=1.0,
        at_most=True,
        p50_ms=percentile(sent.latencies_ms, 0.5),
        p99_ms=percentile(sent.latencies_ms, 0.99),
        detail={"effects": effects, "different_answers": answers, "answer": json.loads(sent.answers[0])},
    )


def _prove(runs: list[Sent], *, extra: int) -> None:
    """Every authorisation that was answered stands in the books, and the books hold. AssertionError otherwise."""
    counted = sum(run.statuses.get(201, 0) for run in runs) + extra
    stored = Purchase.objects.count()
    assert stored == counted, f"{counted} were answered, {stored} are stored"
    broken = [finding.check.name for finding in verify() if not finding.holds]
    assert not broken, f"the books do not hold: {broken}"
    say(f"http: {stored:,} authorisations answered and stored, and the books prove")
