"""How much work one feedback page may make: what would take minutes to format is shown plainly, or named.

What turns a text into HTML, cleans it or colours it takes time that grows with the square of some hostile
inputs: nested tags, attributes, escapes, `\\begin`. Every text is weighed first, in about the characters of
ordinary text that take as long; one text has so much room, and all of a page together.
"""

import html
import re

MOST_OF_ONE = 50_000  # about half a second at worst
MOST_OF_A_PAGE = 500_000
DEEPEST = 60  # tags within one another
WILD = 20  # times the time, at worst, of a text of MOST_OF_ONE / WILD characters
NOT_SHOWN = "(too much HTML to show here)"
NOT_FORMATTED = "(too much to format; this is the text as it was written)"
_VALUE = r"""(?:"[^"<>]{0,4000}"|'[^'<>]{0,4000}'|[^\s"'<>=`]{1,200})"""
_DATA = r'"data:image/(?:png|jpeg|gif);base64,[A-Za-z0-9+/=\s]*"'
_TAG = re.compile(
    rf"<(/?)([A-Za-z][A-Za-z0-9]*)((?:\s+[A-Za-z-]+(?:=(?:{_DATA}|{_VALUE}))?){{0,20}})\s*(/?)>"
)
_PICTURE = re.compile(r"data:image/(?:png|jpeg|gif);base64,[A-Za-z0-9+/=]*")
_ESCAPE = re.compile(r"\x1b(?:\[[0-9;]*[A-Za-z]?)?")
_EMPTY = {"br", "col", "hr", "img", "input", "wbr"}


class Room:
    """What is left of a page's."""

    def __init__(self) -> None:
        self.left = MOST_OF_A_PAGE

    def takes(self, weight: int) -> bool:
        """Whether there is room for something of that weight; then it is taken."""
        if weight > min(MOST_OF_ONE, self.left):
            return False
        self.left -= weight
        return True


def html_weight(markup: str) -> int:
    """Of HTML that is to be cleaned; embedded pictures weigh nothing, they are only copied."""
    length = len(_PICTURE.sub("", markup))
    return length if length > MOST_OF_ONE or _is_tame(markup) else WILD * length


def text_weight(source: str) -> int:
    """Of Markdown; its formulas are looked for anew from every `\\begin`."""
    length = len(_PICTURE.sub("", source))
    return length if source.count("\\begin") < 100 else WILD * length


def code_weight(source: str) -> int:
    """Of code that is to be coloured: long lines, and long stretches of nothing, are read again and again."""
    lines = sum(max(len(line), len(line) ** 2 // 100) for line in source.splitlines())
    return lines + sum(len(blank) ** 2 for blank in re.findall(r"\s{2,}", source))


def colours_weight(text: str) -> int:
    """Of text for a terminal; what counts are its escapes."""
    return WILD * sum(map(len, _ESCAPE.findall(text)))


def without_colours(text: str) -> str:
    """The text for a terminal without escapes."""
    return _ESCAPE.sub("", text)


def as_written(source: str) -> str:
    """HTML that shows a text as it is, from its beginning, and says so."""
    shown, more = source[:MOST_OF_ONE], len(source) - MOST_OF_ONE
    rest = f"<p>({more:,} more characters are not shown here)</p>" if more > 0 else ""
    return f"<p>{NOT_FORMATTED}</p><pre>{html.escape(shown)}</pre>{rest}"


def _is_tame(markup: str) -> bool:
    """Whether every `<` begins a plain tag, and tags are closed in order, or nearly so."""
    tags = list(_TAG.finditer(markup))
    if len(tags) != markup.count("<"):
        return False
    unclosed: list[str] = []
    for tag in tags:
        closes, name = tag[1], tag[2].lower()
        if closes and unclosed and unclosed[-1] == name:
            unclosed.pop()
        elif name not in _EMPTY:
            unclosed.append(name)  # a parser may have left what such an end tag closes open as well
        if len(unclosed) > DEEPEST:
            return False
    return True
