"""How a report looks in a notebook: an accessible table, with a heat map where position matters."""

import html
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnnlab.check.compare import Heat

if TYPE_CHECKING:
    from cnnlab.check.report import Progress, Report, Result

# For a bar beside the verdict: no colour of text is legible on white and on black, and the word says it all.
_GOOD, _BAD = "#1a7f4b", "#c4501b"
_PROGRESS = {True: _GOOD, False: _BAD, None: "transparent"}
_CELL = "padding:.35em .7em;text-align:left;vertical-align:top;border-bottom:1px solid #8886"


def render(report: "Report") -> str:
    """The report as a table: check, verdict, points, what is wrong."""
    rows = "".join(_row(result) for result in report.results)
    caption = f"{report.assignment}: {report.points} of {report.max_points} points"
    heads = "".join(f'<th scope="col" style="{_CELL}">{head}</th>' for head in ("check", "verdict", "points"))
    seed = "" if report.passed else f"<p>The same cases again: <code>seed={report.seed}</code></p>"
    return (
        f'<table style="border-collapse:collapse;max-width:60em"><caption style="text-align:left">'
        f"{html.escape(caption)}</caption><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>{seed}"
        f"{_progress(report.progress) if report.progress else ''}"
    )


def _progress(progress: "Progress") -> str:
    """One box for each check, as wide as its points, filled when it passed; the same in words."""
    boxes = "".join(
        f'<span style="display:inline-block;width:{1.4 * points}em;height:.7em;margin-right:2px;'
        f'border:1px solid #888;background:{_PROGRESS[passed]}"></span>'
        for _, points, passed in progress.checks
    )
    return (
        f'<p style="margin:.6em 0 0"><span aria-hidden="true">{boxes}</span> '
        f"<small>{html.escape(str(progress))}</small></p>"
    )


def _row(result: "Result") -> str:
    colour, verdict = (_GOOD, "passed") if result.passed else (_BAD, "failed")
    cells = (
        f'<th scope="row" style="{_CELL}">{html.escape(result.name)}</th>'
        f'<td style="{_CELL};border-left:.4em solid {colour}"><strong>{verdict}</strong></td>'
        f'<td style="{_CELL}">{result.points} of {result.max_points}</td>'
    )
    row = f"<tr>{cells}</tr>"
    if result.message:
        row += f'<tr><td colspan="3" style="{_CELL}">{_message(result)}</td></tr>'
    return row


def _message(result: "Result") -> str:
    headline, *details = result.message.splitlines()
    items = []
    for line in details:
        label, _, text = line.strip().partition(" ")
        items.append(
            f'<dt style="font-weight:600">{html.escape(label)}</dt>'
            f'<dd style="margin:0 0 .4em 1em">{html.escape(text.strip())}</dd>'
        )
    listed = f"<dl style='margin:.4em 0'>{''.join(items)}</dl>" if items else ""
    return f"<div>{html.escape(headline)}</div>{listed}{_heat_map(result.heat) if result.heat else ''}"


def _heat_map(heat: Heat) -> str:
    """Each element's error on a scale from allowed (white) to 10,000 times allowed (dark)."""
    wrong = sum(ratio > 1 for row in heat.ratios for ratio in row)
    total = sum(map(len, heat.ratios))
    label = f"Errors in {heat.title}: {wrong} of {total} shown elements are off by more than allowed."
    rows = "".join(f"<tr>{''.join(map(_heat_cell, row))}</tr>" for row in heat.ratios)
    return (
        f'<div role="img" aria-label="{html.escape(label)}"><table aria-hidden="true" '
        f'style="border-collapse:collapse;border:1px solid #888">{rows}</table></div>'
        f"<small>{html.escape(label)} Darker is further off.</small>"
    )


def _heat_cell(ratio: float) -> str:
    strength = 0.0 if ratio <= 1 else 0.2 + 0.8 * min(math.log10(ratio) / 4, 1.0)
    red, green, blue = _blend((255, 255, 255), (139, 44, 0), strength)
    return f'<td style="width:1.1em;height:1.1em;padding:0;background:rgb({red},{green},{blue})"></td>'


def _blend(start: Sequence[int], end: Sequence[int], share: float) -> tuple[int, int, int]:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(start, end, strict=True))
    return red, green, blue
