"""Feedback pages: nothing of a student's acts in them, and a chapter is one click away."""

import errno
import re
import time
from pathlib import Path
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup
from corpus.containers import PAYLOADS, SCRIPT_MARK

from cnnlab.check.assignments import ASSIGNMENTS
from cnnlab.errors import in_a_sentence
from cnnlab.grading import pages
from cnnlab.grading.feedback import CHAPTERS, InertExporter, clean_output, clean_text, with_links
from cnnlab.grading.room import MOST_OF_ONE, NOT_FORMATTED, NOT_SHOWN
from cnnlab.grading.told import verdict_once, with_points

HOSTILE = [
    "<script>document.title='x'</script>",
    "<scr<script></script>ipt>document.title='x'</script>",
    "<img src=x onerror=alert(1)>",
    "<img src='https://example.invalid/track.png'>",
    "<svg><script>1</script></svg>",
    "<svg/onload=alert(1)>",
    "<iframe srcdoc='<script>1</script>'></iframe>",
    "<a href='javascript:alert(1)'>a</a>",
    "<a href='java\tscript:alert(1)'>a</a>",
    "<a href=' &#106;avascript:alert(1)'>a</a>",
    "<a href='data:text/html,<script>1</script>'>a</a>",
    "<img src='data:image/svg+xml;base64,PHN2Zz4='>",
    "<p style='background:url(https://example.invalid/)'>a</p>",
    "<div style='position:fixed;inset:0'>a</div>",
    "<form action='https://example.invalid/'><input></form>",
    "<meta http-equiv=refresh content='0;url=/'>",
    "<style>body{display:none}</style>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<noscript><p title='</noscript><script>1</script><img src=x onerror=alert(1)>'>",
    "<base href='https://example.invalid/'><link rel=stylesheet href=//example.invalid>",
]
ACTS = {
    "script",
    "style",
    "svg",
    "iframe",
    "object",
    "embed",
    "form",
    "input",
    "meta",
    "base",
    "link",
    "math",
}


def acting(markup: str) -> list[str]:
    """Everything in the HTML that could act or load."""
    found = []
    for tag in BeautifulSoup(markup, "html.parser").find_all(True):
        found += [tag.name] if tag.name in ACTS else []
        for name, value in tag.attrs.items():
            text = "".join(value).casefold()
            if name.startswith("on") or "javascript:" in text or "url(" in text or "fixed" in text:
                found.append(f"{tag.name} {name}")
            if name == "src" and not text.startswith(("data:image/png", "data:image/jpeg", "data:image/gif")):
                found.append(f"{tag.name} src={value}")
            if name == "href" and not text.startswith(("https://", "http://", "#")):
                found.append(f"{tag.name} href={value}")
    return found


@pytest.mark.parametrize("markup", HOSTILE)
def test_nothing_acts_in_what_is_cleaned(markup: str) -> None:
    assert acting(markup) or "script>" in markup  # the reader of this test sees the harm
    assert acting(clean_output(markup)) == []
    assert acting(clean_text(markup)) == []
    assert "invalid" not in str(BeautifulSoup(clean_output(markup), "html.parser").find_all(href=True))


def test_what_is_harmless_stays() -> None:
    table = '<table border="1"><tr><th scope="col" style="color: red;">a</th></tr></table>'
    assert BeautifulSoup(clean_output(table), "html.parser").th["style"] == "color: red;"
    picture = '<img src="data:image/png;base64,iVBORw0KGgo=" alt="a curve">'
    assert BeautifulSoup(clean_output(picture), "html.parser").img["src"].startswith("data:image/png")


@pytest.mark.parametrize(
    "pattern",
    [
        "<ul><li>",
        "<div>",
        "<i><table>",
        "<b></p>",
        "<b><div>",
        "<div><table></div></table>",
        "<!--<b>-->",
        "&",
    ],
)
def test_html_that_would_take_minutes_is_named_instead(pattern: str) -> None:
    began = time.process_time()
    assert clean_output(pattern * 100_000) == NOT_SHOWN
    assert clean_text(pattern * 20_000 if pattern != "&" else pattern * 100_000) == NOT_SHOWN
    clean_output(pattern * (2400 // len(pattern)))
    attributes = " ".join(f"a{number}" for number in range(30_000))
    assert clean_output(f"<p {attributes}>") == NOT_SHOWN
    assert clean_output(f"<p style='color:{'[' * 2400}'>") in (NOT_SHOWN, "<p></p>")
    assert time.process_time() - began < 5


def test_ordinary_tables_and_pictures_are_not_too_much() -> None:
    row = "<tr>\n      <th>12</th>\n" + "      <td>-0.123456</td>\n" * 10 + "    </tr>\n"
    table = f'<table border="1" class="dataframe"><tbody>{row * 100}</tbody></table>'
    assert clean_output(table).count("<td>") == 1000
    picture = f'<img src="data:image/png;base64,{"A" * 2_000_000}" alt="a photograph">'
    assert len(clean_text(picture)) > 2_000_000


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("markdown", "\\begin{a}" * 20_000),
        ("markdown", "<div>" * 9_000),
        ("code", "a." * 30_000),
        ("code", " \n" * 30_000),
        ("code", "*" * 50_000),
        ("output", "\x1b[31mx" * 200_000),
        ("output", "\x1b[" * 500_000),
    ],
)
def test_a_text_that_would_take_minutes_is_shown_as_it_is(kind: str, source: str) -> None:
    printed = nbformat.v4.new_output("stream", text=source)
    cell = {
        "markdown": nbformat.v4.new_markdown_cell(source),
        "code": nbformat.v4.new_code_cell(source),
        "output": nbformat.v4.new_code_cell("pass", outputs=[printed]),
    }[kind]
    began = time.process_time()
    page, _ = InertExporter().from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    assert time.process_time() - began < 8
    text = BeautifulSoup(page, "html.parser").get_text()
    assert ("xxx" in text or "\x1b" not in text) if kind == "output" else NOT_FORMATTED in text
    assert kind == "output" or source[: MOST_OF_ONE // 2] in text


def test_many_small_texts_are_not_too_much_together() -> None:
    cells = [nbformat.v4.new_markdown_cell(f"{number} " + "<b></p>" * 300) for number in range(300)]
    began = time.process_time()
    page, _ = InertExporter().from_notebook_node(nbformat.v4.new_notebook(cells=cells))
    assert time.process_time() - began < 15
    assert NOT_FORMATTED in page


def test_every_chapter_that_a_check_names_is_there() -> None:
    named = {match for a in ASSIGNMENTS.values() for match in re.findall(r'"([^"]+)"', a.read)}
    named |= {
        t
        for a in ASSIGNMENTS.values()
        for m in a.misconceptions
        for t in re.findall(r'"([^"]+)"', m.read or "")
    }
    pages = Path(__file__).parents[2] / "book"
    written = {
        page.read_text().partition("\n# ")[2].partition("\n")[0]: page for page in pages.glob("*/*.md")
    }
    assert set(CHAPTERS) == named & written.keys()  # what is not written yet gets no link
    for title, place in CHAPTERS.items():
        assert (pages / place).with_suffix(".md") == written[title]
    linked = with_links("read the chapter &quot;Dropout&quot; of", "https://x.org/b/")
    assert 'href="https://x.org/b/regularization/dropout.html"' in linked
    assert "href" not in with_links("the chapter &quot;Dropout&quot;", "javascript:alert(1)")


def test_nbgraders_own_feedback_is_inert(run: Any, root: Path, submit: Any, answered: Any) -> None:
    notebook = answered(written=f"Because.\n\n{PAYLOADS['text/html']}\n\n[see](javascript:alert(1))")
    experiment = next(cell for cell in notebook.cells if "experiment" in cell.metadata.get("tags", []))
    experiment.outputs = [nbformat.v4.new_output("display_data", data={k: p}) for k, p in PAYLOADS.items()]
    broken = nbformat.v4.new_output("display_data", data={"image/png": '"><script>1</script>'})
    experiment.outputs.append(broken)
    submit("eve", notebook)
    for command in (("autograde", "tiny"), ("generate_feedback", "tiny")):
        result = run("nbgrader", *command, cwd=root)
        assert result.returncode == 0, result.stderr
    page = (root / "course/feedback/eve/tiny/tiny.html").read_text()
    assert "default-src 'none'" in page
    soup = BeautifulSoup(page, "html.parser")
    assert [
        tag.name for tag in soup.find_all(["script", "svg", "iframe", "form", "link", "base", "object"])
    ] == []
    assert acting(str(soup.body)) == []
    assert SCRIPT_MARK in soup.get_text()  # as text: the plain-text output is still shown
    assert "<h4>tiny, eve (Score so far: 5.0 / 7.0)</h4>" in page
    assert [text for text in soup.find(id="toc").stripped_strings if "check" in text] == [
        "check_square",
        "check_double",
    ]
    assert "Written response (waits for a person, 2 points)" in soup.find(id="toc").text
    heads = [head.get_text(" ", strip=True) for head in soup.find_all(class_="panel-heading")]
    assert "Student's answer waits for a person, 2 points (Top)" in heads
    assert "The model answer" not in page


def test_points_that_nobody_has_given_yet_are_not_nothing() -> None:
    page = (
        '<h4>tiny (Score: 3.0 / 7.0)</h4><a href="#a">Test cell</a> (Score: 3.0 / 3.0)<a href="#w.1">Written '
        'response</a> (Score: 0.0 / 1.0)<a name="a"></a> Score: 3.0 / 3.0<a name="w.1"></a> Score: 0.0 / 1.0'
    )
    assert with_points(page, {"student": "<b>", "waiting": {"w.1": 1.0}}) == (
        '<h4>tiny, &lt;b&gt; (Score so far: 3.0 / 7.0)</h4><a href="#a">a</a> (Score: 3.0 / 3.0)'
        '<a href="#w.1">Written response</a> (waits for a person, 1 point)<a name="a"></a> Score: 3.0 / 3.0'
        '<a name="w.1"></a> waits for a person, 1 point'
    )
    assert with_points(page, {"student": "ada"}).startswith("<h4>tiny, ada (Score: 3.0 / 7.0)</h4>")


def test_a_failed_check_is_told_once() -> None:
    table = nbformat.v4.new_output("display_data", data={"text/html": "<table></table>"})
    error = nbformat.v4.new_output("error", ename="CheckFailed", evalue="no", traceback=["no"])
    crash = nbformat.v4.new_output("error", ename="ValueError", evalue="no", traceback=["no"])
    for grade, outputs, shown in (
        (True, [table, error], [table]),
        (True, [error], [error]),
        (True, [table, crash], [table, crash]),
        (False, [table, error], [table, error]),
    ):
        cell = nbformat.v4.new_code_cell(outputs=outputs, metadata={"nbgrader": {"grade": grade}})
        assert verdict_once(cell) == shown


def test_a_page_that_cannot_be_written_is_named_with_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> str:
        raise PermissionError(errno.EACCES, "Permission denied", "tiny.html")

    monkeypatch.setattr(pages, "graded_notebook", lambda *_: {})
    monkeypatch.setattr(pages, "convert", refuse)
    with pytest.raises(PermissionError) as raised:
        pages.write_page(tmp_path, "tiny", "ada")
    said = in_a_sentence(raised.value) or ""
    assert said.startswith(f"{tmp_path}/feedback/ada/tiny/tiny.html: Permission denied.")
