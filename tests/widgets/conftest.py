"""A figure in a real browser, without a kernel: shown as narrow as on a telephone and used by a script."""

import base64
import html
import re
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from cnnlab.widgets.page import PageWidget

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]

# What a test's script may use, and after it the audit of what every figure promises.
PAGE = """
<!doctype html><meta charset=utf-8>
<ol id="printed"></ol><ul id="problems"></ul>
<script>
const add = (list, text) => document.getElementById(list).append(
  Object.assign(document.createElement("li"), {{ textContent: text }}));
const print = (value) => add("printed", typeof value === "string" ? value : JSON.stringify(value));
const problem = (text) => add("problems", text);
addEventListener("error", (event) => problem(event.message));
addEventListener("unhandledrejection", (event) => problem(String(event.reason)));
// The browser draws frames in real time; while it waits for one, a busy machine's virtual time runs out.
window.requestAnimationFrame = (call) => setTimeout(() => call(performance.now()), 16);
window.cancelAnimationFrame = clearTimeout;
for (const kind of ["error", "warn"]) console[kind] = (...words) => problem(words.join(" "));
</script>
<div style="width:343px">{figure}</div>
<script type="module">
const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
const figure = document.querySelector(".cnnlab-figure");
while (!figure.querySelector("[aria-live]")) await wait(20);
const module = await import("data:text/javascript;base64,{code}");
const words = () => figure.querySelector("[aria-live]").textContent;
const control = (name) => {{
  const label = [...figure.querySelectorAll("label")].find((node) => node.textContent.startsWith(name));
  return label.querySelector("input, select");
}};
const move = (name, value) => {{
  const input = control(name);
  if (input.type === "checkbox") return input.click();
  input.value = value;
  input.dispatchEvent(new Event(input.tagName === "SELECT" ? "change" : "input", {{ bubbles: true }}));
}};
const press = (name) => {{
  [...figure.querySelectorAll("button")].find((node) => node.textContent === name).click();
}};
const tour = (...steps) => {{
  for (const [name, value] of steps) {{
    move(name, value);
    print(words());
  }}
}};
try {{
{script}
  for (const input of figure.querySelectorAll("input, select")) {{
    if (input.labels.length !== 1) problem(`${{input.outerHTML}} has no label`);
    if (input.type !== "range") continue;
    if (input.dataset.lmSuppressShortcuts !== "true") problem("JupyterLab takes the arrow keys");
    if (!input.getAttribute("aria-valuetext")) problem("a slider without a value in words");
  }}
  for (const picture of figure.querySelectorAll("svg[viewBox]")) {{
    if (picture.parentNode.closest("svg")) continue;
    if (picture.getAttribute("role") !== "img") problem("a picture is not called one");
    if (!picture.getAttribute("aria-label")) problem("a picture without a text");
  }}
  if (figure.getAttribute("role") !== "group" || !figure.getAttribute("aria-label")) problem("no name");
  if (/NaN|undefined(?!: it divides)|Infinity/.test(figure.innerHTML)) problem("a number is missing");
  if (figure.scrollWidth > 343) problem(`${{figure.scrollWidth}} px wide`);
  print("done");
}} catch (error) {{
  problem(error.stack);
}}
</script>
"""


@pytest.fixture(scope="session")
def browse(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[str]]:
    """Show a figure and run a script with `module`, `words`, `move`, `press`, `tour`, `wait` and `print`.

    Returns what it printed; fails on any error or warning of the page and where the audit finds something.
    """
    if CHROMIUM is None:
        pytest.skip("needs a Chromium browser")
    browser = CHROMIUM

    def run(figure: PageWidget, script: str, *flags: str) -> list[str]:
        code = base64.b64encode(str(figure._esm).encode()).decode()
        page = tmp_path_factory.mktemp("page") / "figure.html"
        page.write_text(PAGE.format(figure=figure.page(), code=code, script=script).strip(), encoding="utf-8")
        profile = f"--user-data-dir={page.parent / 'profile'}"
        command: list[Any] = [browser, "--headless", "--no-sandbox", "--disable-gpu", *QUIET, profile, *flags]
        result = subprocess.run(
            [*command, "--virtual-time-budget=8000", "--dump-dom", page.as_uri()],
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        printed, problems = (
            [html.unescape(text) for text in re.findall(r"<li>(.*?)</li>", part, flags=re.DOTALL)]
            for part in result.stdout.split('<ul id="problems">')
        )
        assert problems == []
        assert printed
        assert printed[-1] == "done"
        return printed[:-1]

    return run
