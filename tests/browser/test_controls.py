"""Every control of every interactive figure, by keyboard and by mouse: the drawing follows."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from contents import BOOK, PAGES
from playwright.sync_api import Locator, Page

IMPORT = re.compile(r"^from cnnlab\.widgets import (.+)$", re.M)
# Each figure on the first page that has it; that all are mounted on all pages, test_every_page looks at.
FIGURES: dict[str, str] = {}
for _name in PAGES:
    for _line in IMPORT.findall((BOOK / f"{_name}.md").read_text("utf-8")):
        for _figure in (one.partition(" as ")[0].strip() for one in _line.split(",")):
            if _figure not in {"glue", "Cockpit"}:  # the cockpit needs a kernel; pages only name it
                FIGURES.setdefault(_figure, _name)
CONTROLS = "input, select, button"
# What a figure shows, without its controls: a label that repeats its slider's value is no drawing.
DRAWING = """(figure) => [
  ...[...figure.querySelectorAll("svg, table")].map((one) => one.outerHTML),
  ...[...figure.querySelectorAll("canvas")].map((one) => one.toDataURL()),
]"""
HALF = "(one) => Number(one.value) > (Number(one.min) + Number(one.max)) / 2"
Use = Callable[[Locator], None]


def drawing(figure: Locator) -> list[str]:
    """What is drawn, once it has come to rest."""
    seen = figure.evaluate(DRAWING)
    while (now := figure.evaluate(DRAWING)) != seen:
        seen = now
        figure.page.wait_for_timeout(50)
    return list(seen)


def kind(control: Locator) -> str:
    return str(control.evaluate("(one) => one.type"))


def by_keyboard(control: Locator) -> None:
    control.focus()
    if kind(control) == "range":
        back = control.evaluate(HALF)
        control.press("ArrowLeft" if back else "ArrowRight")
        control.press("Home" if back else "End")
    elif kind(control) == "select-one":
        last = control.evaluate("(one) => one.selectedIndex === one.options.length - 1")
        control.press("ArrowUp" if last else "ArrowDown")
    else:
        control.press("Space")


def by_mouse(control: Locator) -> None:
    if kind(control) == "range":
        box = control.bounding_box()
        assert box is not None
        control.click(
            position={"x": box["width"] * (0.1 if control.evaluate(HALF) else 0.9), "y": box["height"] / 2}
        )
    elif kind(control) == "select-one":
        count = control.evaluate("(one) => one.options.length")
        control.select_option(index=(control.evaluate("(one) => one.selectedIndex") + 1) % count)
    else:
        control.click()


class Figure:
    """One figure of a page, as often as wanted as it is at first."""

    def __init__(self, page: Page, name: str) -> None:
        self.page, self.selector = page, f".cnnlab-figure[id^=cnnlab-{name.lower()}-]"

    def fresh(self) -> Locator:
        self.page.reload(wait_until="load")
        figure = self.page.locator(self.selector).first
        figure.locator(CONTROLS).first.wait_for()
        return figure

    def states(self, place: int) -> Iterator[Locator]:
        """The figure in states where the control may matter: as it was left, untouched, all else moved, …"""
        yield self.page.locator(self.selector).first
        figure = self.fresh()
        yield figure
        controls = figure.locator(CONTROLS).all()
        for number, control in enumerate(controls):
            if number != place and kind(control) != "button":
                by_keyboard(control)
        yield figure
        for number, select in enumerate(controls):
            if number != place and kind(select) == "select-one":
                for option in range(select.evaluate("(one) => one.options.length")):
                    select.select_option(index=option)
                    yield figure
        for number, control in enumerate(controls):
            if number != place and kind(control) == "button":
                control.click()
                yield figure

    def follows(self, place: int, use: Use) -> bool:
        """Whether the drawing changes when the control is used: at once, or after the buttons are pressed."""
        for figure in self.states(place):
            before = drawing(figure)
            use(figure.locator(CONTROLS).nth(place))
            if drawing(figure) != before:
                return True
        moved = self.fresh()
        use(moved.locator(CONTROLS).nth(place))
        return press_all(moved) != press_all(self.fresh())


def press_all(figure: Locator) -> list[str]:
    """The drawing after every button, from last to first: what starts all over comes last in a row."""
    for button in reversed(figure.locator("button").all()):
        button.click()
        drawing(figure)
    return drawing(figure)


@pytest.mark.parametrize(("name", "where"), FIGURES.items())
def test_every_control_moves_the_drawing(name: str, where: str, window: Any, pictures: Path) -> None:
    with window(viewport={"width": 1280, "height": 900}, reduced_motion="reduce") as one:
        figure = Figure(one.open(where), name)
        controls = figure.fresh().locator(CONTROLS)
        labels = controls.evaluate_all("(all) => all.map((one) => (one.closest('label') ?? one).textContent)")
        assert labels
        uses = [(place, use) for place in range(len(labels)) for use in (by_keyboard, by_mouse)]
        dead = [f"{labels[place]}, {use.__name__}" for place, use in uses if not figure.follows(place, use)]
        figure.page.locator(figure.selector).first.screenshot(path=pictures / f"figure-{name}.png")
    assert dead == []
    assert one.troubles == []


def test_a_dead_control_is_found(window: Any) -> None:
    """A slider that nothing listens to leaves the drawing as it is."""
    with window(reduced_motion="reduce") as one:
        page = one.open(FIGURES["DropoutMasks"])
        page.add_init_script("""addEventListener("load", () => setInterval(() => {
            const figure = document.querySelector(".cnnlab-figure");
            if (figure.querySelector("button") && !figure.querySelector("#dead"))
                figure.insertAdjacentHTML("afterbegin", "<input type=range id=dead>");
        }, 10))""")
        figure = Figure(page, "DropoutMasks")
        figure.fresh()
        page.locator("#dead").wait_for()
        assert not figure.follows(0, by_keyboard)
