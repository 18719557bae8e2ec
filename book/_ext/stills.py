"""Still pictures of the interactive figures, for readers without scripts, taken by Chromium."""

from collections.abc import Iterable
from html import escape
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page

# What a figure's page says instead of it (cnnlab/widgets/page.py).
WORDS = "<noscript><p>This figure needs JavaScript.</p></noscript>"
STILL = (
    '<noscript><img src="{source}" alt="{label}, as the figure looks at first" loading="lazy">'
    "<p>With JavaScript this figure has controls.</p></noscript>"
)


def add_stills(browser: Browser, html: Path, names: Iterable[str]) -> None:
    """Put a picture of each figure, as it is before anybody touches it, into the pages in `html`."""
    page = browser.new_page(viewport={"width": 900, "height": 900}, device_scale_factor=2)
    for name in names:
        file = html / f"{name}.html"
        before, *after = file.read_text("utf-8").split(WORDS)
        if after:
            page.goto(file.as_uri())
            stills = [_still(page, html, name, number) for number in range(len(after))]
            parts = [before, *(part for both in zip(stills, after, strict=True) for part in both)]
            file.write_text("".join(parts), "utf-8")
    page.close()


def _still(page: Page, html: Path, name: str, number: int) -> str:
    figure = page.locator(".cnnlab-figure").nth(number)
    figure.locator("svg, canvas").first.wait_for()
    picture = f"_images/still-{name.replace('/', '-')}-{number}.webp"
    with Image.open(BytesIO(figure.screenshot())) as image:
        image.convert("RGB").save(html / picture, lossless=True)
    label = escape(figure.get_attribute("aria-label") or "", quote=True)
    return STILL.format(source=f"{'../' * name.count('/')}{picture}", label=label)
