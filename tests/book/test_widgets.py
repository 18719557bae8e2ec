"""The interactive figures, in a real browser and without a kernel."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import torch
import traitlets

from cnnlab.widgets import DropoutMasks, glue, numbers

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]

# Waits for the figure, then presses its buttons and moves its slider; the browser prints the page afterwards.
USE = """
<script type="module">
const wait = () => new Promise((done) => setTimeout(done, 20));
while (!document.querySelector("button")) await wait();
const report = () => {
  const line = document.createElement("li");
  line.textContent = document.querySelector("[aria-live]").textContent;
  document.body.append(line);
};
const press = (name) => {
  [...document.querySelectorAll("button")].find((button) => button.textContent === name).click();
  report();
};
report();
press("Draw one");
for (let i = 0; i < 100; i++) press("Draw 100");
press("Reset");
press("Draw one");
const slider = document.querySelector("input[type=range]");
slider.value = 0;
slider.dispatchEvent(new Event("input"));
press("Draw one");
</script>
"""


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    if CHROMIUM is None:
        pytest.skip("needs a Chromium browser")
    page = tmp_path_factory.mktemp("page") / "figure.html"
    page.write_text(f"<!doctype html><meta charset=utf-8>{DropoutMasks(p=0.5).page()}{USE}", encoding="utf-8")
    profile = f"--user-data-dir={page.parent / 'profile'}"
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", *QUIET, profile]
    result = subprocess.run(
        [*command, "--virtual-time-budget=5000", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return re.findall(r"<li>(.*?)</li>", result.stdout)


def distance(message: str) -> float:
    found = re.search(r"at most ([\d.]+) away", message)
    assert found, message
    return float(found[1])


def test_it_starts_with_nothing_drawn(messages: list[str]) -> None:
    assert messages[0].endswith("Nothing drawn yet.")


def test_the_mean_approaches_the_input(messages: list[str]) -> None:
    assert "After 1 draw the mean" in messages[1]
    assert "After 10001 draws the mean" in messages[101]
    # With p = 0.5 one draw is off by the activation itself. The mean of 10,001 has a standard error of
    # 0.9 / √10,001 for the largest activation; five of them are 0.045.
    assert distance(messages[1]) == pytest.approx(0.9)
    assert distance(messages[101]) < 0.045


def test_reset_starts_the_same_draws_again(messages: list[str]) -> None:
    assert messages[102] == messages[0]
    assert messages[103] == messages[1]


def test_without_dropout_every_draw_is_the_input(messages: list[str]) -> None:
    assert distance(messages[104]) == 0.0


def test_the_notebook_gets_the_widget_and_other_pages_the_html() -> None:
    data, _ = DropoutMasks()._repr_mimebundle_()
    assert set(data) == {"application/vnd.jupyter.widget-view+json", "text/html", "text/plain"}
    assert data["text/plain"] == DropoutMasks.label


def test_the_page_takes_its_state_and_loads_nothing() -> None:
    page = DropoutMasks(p=0.25, values=[0.1, 0.2]).page()
    assert '"p": 0.25' in page
    assert '"values": [0.1, 0.2]' in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")  # a name, not an address


def test_it_can_be_used_before_the_rest_of_the_page_is_there(tmp_path: Path) -> None:
    if CHROMIUM is None:
        pytest.skip("needs a Chromium browser")
    page = tmp_path / "figure.html"
    look = '<script>document.title = document.querySelector("button") ? "ready" : "waiting"</script>'
    page.write_text(f"<!doctype html><meta charset=utf-8>{DropoutMasks().page()}{look}", encoding="utf-8")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", *QUIET, "--dump-dom", page.as_uri()]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert "<title>ready</title>" in shown


def test_the_module_imports_nothing() -> None:
    code = Path(str(DropoutMasks.__module__).replace(".", "/")).with_suffix(".js")
    text = (Path(__file__).parents[2] / code).read_text(encoding="utf-8")
    assert not re.search(r"^\s*import\b", text, flags=re.MULTILINE)


@pytest.mark.parametrize("options", [{"p": -0.1}, {"p": 1.0}, {"values": []}])
def test_impossible_settings_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(traitlets.TraitError):
        DropoutMasks(**options)


def test_numbers_are_recorded_as_jupyter_book_expects(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[object, object]] = []
    monkeypatch.setattr(numbers, "display", lambda data, metadata, raw: shown.append((data, metadata)))
    glue(share=torch.tensor(0.5), word="better")
    prefix = "application/papermill.record/"
    assert shown == [
        ({f"{prefix}text/plain": "0.5"}, {"scrapbook": {"name": "share", "mime_prefix": prefix}}),
        ({f"{prefix}text/plain": "'better'"}, {"scrapbook": {"name": "word", "mime_prefix": prefix}}),
    ]
