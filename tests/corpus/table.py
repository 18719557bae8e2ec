"""The corpus as a table for the instructors' page, out of the samples' own definitions.

PYTHONPATH=tests python tests/corpus/table.py     # writes book/corpus-table.md
"""

from pathlib import Path

from corpus.samples import ALL, ITEMS

PAGE = Path(__file__).resolve().parents[2] / "book" / "corpus-table.md"
MEANS = {
    "K": "keeps its points",
    "Z": "zero for that question, cause named",
    "A": "needs attention, no number",
}


def table() -> str:
    """The page's text: one row per item, its samples counted by what must become of them."""
    rows = [
        "---",
        "orphan: true",
        "---",
        "",
        "# What the grader was tried with",
        "",
        f"{len(ALL)} sample submissions, made by `tests/corpus`, go through the grader in",
        "`tests/corpus/test_corpus_graded.py`, which fails when one of them ends otherwise than said here.",
        "This page is written by `tests/corpus/table.py`.",
        "",
        "| what | samples | what becomes of them |",
        "| --- | ---: | --- |",
    ]
    for item in ITEMS:
        mine = [one.outcome for one in ALL if one.item == item]
        ends = "; ".join(f"{mine.count(key)} × {text}" for key, text in MEANS.items() if key in mine)
        rows.append(f"| {item.replace('<', '&lt;')} | {len(mine)} | {ends} |".replace("`&lt;", "`<"))
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(table(), encoding="utf-8")
