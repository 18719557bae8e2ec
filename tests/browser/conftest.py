"""The published site in Chromium, served from this machine; every other address is blocked and recorded."""

import functools
import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, Response, Route

Open = Callable[..., "AbstractContextManager[Window]"]


class Quiet(http.server.SimpleHTTPRequestHandler):
    """As a static host: its own page for what does not exist, and no log; the browser's record is read."""

    def log_message(self, *_: object) -> None:
        pass

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        page = Path(self.directory) / "404.html"
        if code != 404 or not page.exists():
            super().send_error(code, message, explain)
            return
        self.send_response(code)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(page.read_bytes())


@pytest.fixture(scope="session")
def site(html: Path) -> Iterator[str]:
    """The address of the built site, without a slash at its end."""
    handler = functools.partial(Quiet, directory=str(html))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Window:
    """A page of the browser and everything that went wrong in it."""

    page: Page
    site: str
    troubles: list[str] = field(default_factory=list)

    def open(self, name: str) -> Page:
        """Show one page of the book and wait until it has loaded."""
        self.page.goto(f"{self.site}/{name}.html", wait_until="load")
        return self.page

    def record(self) -> None:
        """Refuse foreign requests; note them, failed ones, what the console says, and errors."""

        def guard(route: Route) -> None:
            if route.request.url.startswith(f"{self.site}/"):
                route.continue_()
            else:
                self.troubles.append(f"foreign request: {route.request.url}")
                route.abort()

        def answered(response: Response) -> None:
            if response.status >= 400:
                self.troubles.append(f"answer {response.status}: {response.url}")

        def failed(request: Request) -> None:
            if request.failure != "net::ERR_ABORTED":  # by leaving the page, or by the guard, which notes it
                self.troubles.append(f"failed request: {request.url}: {request.failure}")

        def said(message: Any) -> None:
            if message.type in {"error", "warning"}:
                self.troubles.append(f"console {message.type}: {message.text}")

        # Chromium routes no data: and blob: addresses, and those of files only where a test opens one.
        self.page.context.route(lambda url: urlsplit(url).scheme in {"http", "https", "ws", "wss"}, guard)
        self.page.on("response", answered)
        self.page.on("requestfailed", failed)
        self.page.on("console", said)
        self.page.on("pageerror", lambda error: self.troubles.append(f"page error: {error}"))


@pytest.fixture(scope="module")
def window(browser: Browser, site: str) -> Open:
    """Opens a window of its own: `with window(viewport=…) as one: …`, options as Playwright's new_context."""

    @contextmanager
    def make(address: str = site, **options: Any) -> Iterator[Window]:
        context = browser.new_context(**options)
        try:
            one = Window(context.new_page(), address)
            one.record()
            yield one
        finally:
            context.close()

    return make
