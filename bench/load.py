"""A load generator of our own: one thread, connections that stay open, requests as bytes made beforehand."""

from __future__ import annotations

import re
import selectors
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of all requests of one go."""

    statuses: dict[int, int]
    seconds: float
    latencies_ms: list[float]
    answers: list[bytes]

    @property
    def per_second(self) -> float:
        """Created per second."""
        return self.statuses.get(201, 0) / self.seconds

    @property
    def failed(self) -> int:
        """Answers other than 201."""
        return sum(count for status, count in self.statuses.items() if status != 201)


@dataclass(slots=True)
class _Connection:
    socket: socket.socket
    began: float = 0.0
    received: bytearray = field(default_factory=bytearray)


def request(port: int, path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """A POST as it goes over the wire."""
    lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Content-Type: application/json"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


class Load:
    """Connections to one server on this machine."""

    def __init__(self, port: int, connections: int) -> None:
        self._selector = selectors.DefaultSelector()
        self._idle: list[_Connection] = []
        for _ in range(connections):
            connected = socket.create_connection(("127.0.0.1", port))
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connected.setblocking(False)
            connection = _Connection(connected)
            self._selector.register(connected, selectors.EVENT_READ, connection)
            self._idle.append(connection)
        self._size = connections

    def close(self) -> None:
        """Hangs up."""
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()

    def closed_loop(self, requests: Iterator[bytes], *, seconds: float) -> Sent:
        """Each connection sends its next request when the last was answered, for so many seconds."""
        began = time.perf_counter()
        end = began + seconds
        return self._run(((began, each) for each in requests), began, until=end)

    def paced(self, requests: Iterable[bytes], *, per_second: float) -> Sent:
        """
        So many requests a second whether answers come or not: a latency counts from the moment at which its request should
        have been sent, so that a server that stalls is seen to.
        """
        began = time.perf_counter()
        due = ((began + n / per_second, each) for n, each in enumerate(requests))
        return self._run(due, began, from_due=True)

    def at_once(self, requests: Iterable[bytes]) -> Sent:
        """Each of them on a connection of its own, all at the same moment."""
        began = time.perf_counter()
        return self._run(((began, each) for each in requests), began, keep=True)

    def _run(
        self,
        due: Iterator[tuple[float, bytes]],
        began: float,
        *,
        until: float | None = None,
        from_due: bool = False,
        keep: bool = False,
    ) -> Sent:
        statuses: dict[int, int] = {}
        latencies: list[float] = []
        answers: list[bytes] = []
        waiting = next(due, None)
        while waiting or len(self._idle) < self._size:
            now = time.perf_counter()
            if until is not None and now >= until:
                waiting = None
            while waiting and self._idle and waiting[0] <= now:
                connection = self._idle.pop()
                connection.began = waiting[0] if from_due else now
                connection.socket.sendall(waiting[1])
                waiting = next(due, None)
            pause = max(waiting[0] - now, 0) if waiting and self._idle else 5.0
            for key, _events in self._selector.select(pause):
                connection = key.data
                connection.received += connection.socket.recv(65536)
                answer = _complete(connection.received)
                if answer is None:
                    continue
                latencies.append((time.perf_counter() - connection.began) * 1000)
                status = int(connection.received[9:12])
                statuses[status] = statuses.get(status, 0) + 1
                if keep:
                    answers.append(answer)
                connection.received.clear()
                self._idle.append(connection)
        return Sent(statuses, time.perf_counter() - began, sorted(latencies), answers)


def _complete(received: bytearray) -> bytes | None:
    """The body of an answer that has come whole."""
    if not received:
        raise ConnectionError("the server hung up")
    head, found, body = bytes(received).partition(b"\r\n\r\n")
    if not found:
        return None
    length = _LENGTH.search(head)
    wanted = int(length[1]) if length else 0
    return body if len(body) >= wanted else None
