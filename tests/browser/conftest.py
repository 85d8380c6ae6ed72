"""
A browser on the real site: Debian's chromium, driven by Playwright, against a server thread on a database of its own.

Each module has one site, with its database, and one browser: what a module needs is made by its autouse fixtures.

Without chromium these tests are skipped, with the reason.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.db import connection
from playwright.sync_api import Browser, Page, Request, sync_playwright

from customers.models import Customer, Login
from operations.staff import ADMINISTRATOR, set_up_roles
from tests.borrowers import PASSWORD, borrower, login_of

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
T = TypeVar("T")
WIDTHS = {"phone": 360, "desk": 1280}


class SilentHandler(WSGIRequestHandler):
    """Serves without writing a line per request."""

    def log_message(self, format: str, *args: object) -> None: ...


class Server(ThreadedWSGIServer):
    """A thread a connection. A browser keeps connections open: they are hung up when the server closes."""

    block_on_close = True
    daemon_threads = False

    def __init__(self) -> None:
        self.open: set[Any] = set()
        super().__init__(("127.0.0.1", 0), SilentHandler)
        self.set_app(WSGIHandler())

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        for request in list(self.open):
            with contextlib.suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)
        super().server_close()


@dataclass(frozen=True)
class Site:
    """The running site and who may sign in to it."""

    url: str
    customer: Customer
    borrower: Login
    unlinked: Login
    administrator: Login


@pytest.fixture(scope="module")
def site(module_db: str) -> Iterator[Site]:
    """The site on a port of its own, with a borrower, a login that no customer stands behind, and an administrator."""
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield Site(f"http://127.0.0.1:{server.server_port}", *_people())
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _people() -> tuple[Customer, Login, Login, Login]:
    customer = borrower()
    unlinked = Login.objects.create_user("nobody", password=PASSWORD)
    set_up_roles()
    administrator = Login.objects.create_user("chief", password=PASSWORD, is_staff=True)
    administrator.groups.set(administrator.groups.model.objects.filter(name=ADMINISTRATOR))
    return customer, login_of(customer), unlinked, administrator


@dataclass
class Visitor:
    """A browser tab on the site that remembers what went wrong in it."""

    page: Page
    site: Site
    complaints: list[str]

    def request_failed(self, request: Request) -> None:
        """Remembers what could not be loaded; what the next page cut short did not fail."""
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"{request.url}: {request.failure}")

    def open(self, path: str) -> None:
        """Opens a page, and checks it as a person at this width would: it fits, it has a heading and a language."""
        self.page.goto(self.site.url + path)
        self.check()

    def check(self) -> None:
        """The page fits its width, has one main heading, and gave the console nothing to complain of."""
        self.page.wait_for_load_state()
        assert self.overhang() <= 0, f"{self.page.url} is {self.overhang()} px wider than the window"
        assert self.page.locator("h1").count() == 1, f"{self.page.url} has not exactly one main heading"
        assert self.complaints == []

    def overhang(self) -> int:
        """By how many pixels the page is wider than the window."""
        wide: int = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return wide

    def enlarge(self) -> None:
        """Text of twice the size, as somebody who sees little sets it (WCAG 2.2, 1.4.4)."""
        self.page.evaluate("document.documentElement.style.setProperty('font-size', '200%', 'important')")

    def sign_in(self, login: Login) -> None:
        """Signs in on the sign-in page."""
        self.page.goto(f"{self.site.url}/login/")
        self.page.locator("[name=username]").fill(login.username)
        self.page.locator("[name=password]").fill(PASSWORD)
        self.page.locator("main button[type=submit]").click()
        self.page.wait_for_load_state()

    def shot(self, name: str) -> None:
        """Keeps a picture of the whole page where SCREENSHOTS names a folder."""
        if folder := os.environ.get("SCREENSHOTS"):
            self.page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def in_database(read: Callable[[], T]) -> T:
    """
    What `read` returns, called off this thread: Playwright's event loop runs in it, where Django refuses queries.

    For what a test wants to see in the database while the browser is open.
    """

    def call() -> T:
        try:
            return read()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as off_thread:
        return off_thread.submit(call).result()


@pytest.fixture(scope="module")
def browser(site: Site) -> Iterator[Browser]:
    """A headless chromium; it starts after the module's world was made and ends before the database is dropped."""
    if not Path(CHROMIUM).exists():
        pytest.skip("no chromium on this machine (apt-get install chromium)")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Callable[..., Visitor]]:
    """`visit(language="zh-hans", width=360)`: a fresh visitor; every page error or refused resource is kept."""
    contexts = []

    def visitor(
        *, language: str = "zh-hans", width: int = 360, dark: bool = False, script: bool = True
    ) -> Visitor:
        context = browser.new_context(
            viewport={"width": width, "height": 780},
            locale="zh-CN" if language == "zh-hans" else "en-GB",
            color_scheme="dark" if dark else "light",
            java_script_enabled=script,
            timezone_id="Asia/Shanghai",
        )
        contexts.append(context)
        page = context.new_page()
        found = Visitor(page, site, [])
        page.on(
            "console", lambda m: found.complaints.append(m.text) if m.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: found.complaints.append(str(error)))
        page.on("requestfailed", found.request_failed)
        return found

    yield visitor
    for context in contexts:
        context.close()
