"""How heavy the pages of the built book are, and how soon they can be used: `make book`, then this script.

Weight is what the browser received, uncompressed, from a server on this machine. Readiness is measured on a
processor slowed down four times: until the first text is painted, and until the first interactive figure
has a control to use, medians of several loads. The aims are 900 kB without figures' images, and 1 s. How much
of it is the browser's own is shown by a page with one word and one button.
"""

import functools
import http.server
import shutil
import statistics
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer
from playwright.sync_api import Browser, sync_playwright
from rich.console import Console
from rich.progress import track
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1] / "tests/browser"))
from contents import BOOK, PAGES

HTML = BOOK / "_build" / "html"
SLOWER = 4
# When the first paint was, and when the first figure had a control; -1 without a figure. In milliseconds.
WATCH = """
window.usable = -1;
new MutationObserver((_, observer) => {
  if (!document.querySelector(".cnnlab-figure :is(input, select, button)")) return;
  window.usable = performance.now();
  observer.disconnect();
}).observe(document, { childList: true, subtree: true });
"""
PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1"
BLANK = b'<!doctype html><title>blank</title><p>Text</p><div class="cnnlab-figure"><button>Use</button></div>'


class Pages(http.server.SimpleHTTPRequestHandler):
    """The book's pages, and one with next to nothing on it."""

    protocol_version = "HTTP/1.1"  # connections stay open, as with any host

    def do_GET(self) -> None:
        if self.path != "/blank.html":
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(BLANK)))
        self.end_headers()
        self.wfile.write(BLANK)
        return None

    def log_message(self, *_: object) -> None:
        """Nothing between the lines of the table."""


def load(browser: Browser, address: str) -> tuple[dict[str, int], float, float]:
    """One visit with an empty cache: bytes by kind, milliseconds to the first paint and the first control."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    sizes: dict[str, int] = {}
    finished = []
    page.on("requestfinished", lambda request: finished.append(request))
    page.add_init_script(WATCH)
    page.goto(address, wait_until="load")
    if page.query_selector(".cnnlab-figure"):
        page.wait_for_function("() => window.usable >= 0")
    page.wait_for_load_state("networkidle")
    for request in finished:
        kind = request.resource_type
        sizes[kind] = sizes.get(kind, 0) + request.sizes()["responseBodySize"]
    paint, usable = page.evaluate(PAINT), page.evaluate("() => window.usable")
    context.close()
    return sizes, paint, usable


def main(loads: Annotated[int, typer.Option(min=1, help="Visits of each page.")] = 3) -> None:
    """Print the table and how the aims are met."""
    if not HTML.exists():
        sys.exit("the book is not built; run make book first")
    handler = functools.partial(Pages, directory=str(HTML))
    rows = []
    with (
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server,
        sync_playwright() as playwright,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for name in track(["blank", *PAGES], "pages", console=Console(stderr=True)):
            address = f"http://127.0.0.1:{server.server_port}/{name}.html"
            visits = [load(browser, address) for _ in range(loads)]
            paint, usable = (statistics.median(visit[place] for visit in visits) for place in (1, 2))
            rows.append((name, visits[0][0], paint, usable))
        browser.close()
        server.shutdown()
    table = Table(
        "page", "text kB", "scripts", "styles", "fonts", "images", "without images", "paint ms", "figure ms"
    )
    weights, times = [], []
    for name, sizes, paint, usable in rows:
        kinds = [sizes.get(kind, 0) / 1000 for kind in ("document", "script", "stylesheet", "font", "image")]
        whole = sum(sizes.values()) / 1000 - kinds[-1]
        if name != "blank":
            weights.append(whole)
            times += [usable] if usable >= 0 else []
        figure = f"{usable:.0f}" if usable >= 0 else "–"
        table.add_row(name, *(f"{kind:.0f}" for kind in (*kinds, whole)), f"{paint:.0f}", figure)
    console = Console(width=130)
    console.print(table)
    console.print(
        f"weight without images: median {statistics.median(weights):.0f} kB, most {max(weights):.0f} kB"
    )
    console.print(
        f"first figure usable: median {statistics.median(times):.0f} ms, slowest {max(times):.0f} ms"
    )


if __name__ == "__main__":
    typer.run(main)
