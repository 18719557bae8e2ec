"""Every page: whole, nothing foreign, nothing serious for axe in either theme, as narrow as a phone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from contents import EVERY
from playwright.sync_api import Page, expect

STILL = "() => document.getAnimations().every((one) => one.playState !== 'running')"
# Where the page is wider than the phone, and by what; boxes that scroll by themselves may be.
WIDE = """() => [...document.querySelectorAll("body *")].filter((one) => {
  for (let box = one.parentElement; box; box = box.parentElement)
    if (["auto", "scroll", "hidden"].includes(getComputedStyle(box).overflowX)) return false;
  return one.getBoundingClientRect().right > innerWidth + 1;
}).slice(0, 5).map((one) => one.outerHTML.slice(0, 120))"""
# Without preload: axe would fetch style sheets again, from addresses that it gets wrong.
OPTIONS = {"resultTypes": ["violations"], "preload": False}
# Thousands of elements on each page in the same few colours take most of the time: looked at on one page.
SAME_EVERYWHERE = {"exclude": [[".highlight"], ["math"]]}
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
ICONS = """() => [...document.querySelectorAll("i[class*='fa-']")]
  .filter((one) => !getComputedStyle(one).getPropertyValue("--icon")).map((one) => one.className)"""


@pytest.fixture(scope="module", params=EVERY)
def visit(request: pytest.FixtureRequest, window: Any) -> Iterator[Any]:
    """A page in a window of its own, scrolled through once."""
    with window(viewport={"width": 1280, "height": 900}, reduced_motion="reduce") as one:
        page = one.open(request.param)
        page.evaluate("() => window.scrollTo(0, document.body.scrollHeight)")
        page.wait_for_load_state("networkidle")
        one.name = request.param.replace("/", "-")
        yield one


def serious(page: Page, context: Any = SAME_EVERYWHERE, **options: Any) -> list[str]:
    """What axe calls a serious or critical violation, one line each."""
    found = Axe().run(page, context, {**OPTIONS, **options}).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): {node['html'][:160]} | {node['failureSummary']}"
        for one in found
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ]


def test_nothing_serious_in_the_light_theme(visit: Any, pictures: Path) -> None:
    visit.page.wait_for_function(STILL)
    visit.page.screenshot(path=pictures / f"site-{visit.name}-light.png")
    assert "\n".join(serious(visit.page)) == ""


def test_nor_in_the_dark_one(visit: Any, pictures: Path) -> None:
    """Between the themes only colours differ."""
    visit.page.emulate_media(color_scheme="dark")
    visit.page.wait_for_selector("html[data-theme=dark]")
    visit.page.wait_for_function(STILL)
    visit.page.screenshot(path=pictures / f"site-{visit.name}-dark.png")
    assert "\n".join(serious(visit.page, **COLOURS)) == ""
    visit.page.emulate_media(color_scheme="light")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_code_and_formulas_can_be_read(theme: str, window: Any) -> None:
    with window(color_scheme=theme, reduced_motion="reduce") as one:
        page = one.open("regularization/batch_norm")
        page.wait_for_selector(f"html[data-theme={theme}]")
        assert page.locator(".highlight span[class]").count() > 500
        assert "\n".join(serious(page, {"include": [[".highlight"], ["math"]]})) == ""


def test_every_icon_is_drawn(visit: Any) -> None:
    assert visit.page.evaluate(ICONS) == []


def test_every_figure_is_mounted(visit: Any) -> None:
    for figure in visit.page.locator(".cnnlab-figure").all():
        expect(figure.locator("svg, canvas").first).to_be_visible()
        expect(figure.locator("input, select, button").first).to_be_visible()


def test_a_phone_does_not_scroll_sideways(visit: Any, pictures: Path) -> None:
    visit.page.set_viewport_size({"width": 375, "height": 740})
    visit.page.evaluate("() => document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    width = visit.page.evaluate("() => document.documentElement.scrollWidth")
    assert width <= 375, visit.page.evaluate(WIDE)
    visit.page.screenshot(path=pictures / f"site-{visit.name}-phone.png")


def test_nothing_failed_and_nothing_was_foreign(visit: Any) -> None:
    """Last, so that it knows of everything above."""
    assert visit.troubles == []


def test_what_is_wrong_with_a_page_is_found(window: Any) -> None:
    """The tests above can fail: a page that is spoilt in each way is told."""
    with window(viewport={"width": 375, "height": 740}) as one:
        page = one.open("index")
        assert (serious(page), page.evaluate(ICONS)) == ([], [])
        page.evaluate("""() => {
            document.querySelector("article").insertAdjacentHTML("beforeend",
                "<p style='color:#bbb;background:#fff'>pale</p><img src='missing.png'>" +
                "<div style='width:600px'>wide</div><i class='fa-solid fa-trowel'></i>");
            console.error("out of order");
            setTimeout(() => { throw new Error("thrown"); });
            return fetch("http://192.0.2.1/x.js").catch(() => 0);
        }""")
        page.wait_for_load_state("networkidle")
        names = {line.partition(" ")[0] for line in serious(page)}
        assert names >= {"color-contrast", "image-alt"}
        assert page.evaluate(ICONS) == ["fa-solid fa-trowel"]
        assert "wide" in " ".join(page.evaluate(WIDE))
        told = "\n".join(one.troubles)
        for part in ("foreign request: http://192.0.2.1/x.js", "answer 404", "out of order", "thrown"):
            assert part in told
