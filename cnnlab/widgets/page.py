"""The base of our interactive figures: a widget in JupyterLab, a self-contained piece of HTML elsewhere."""

import html
import json
import re
from itertools import count
from pathlib import Path
from typing import Any

import anywidget

# Stands in for the widget's model where there is no kernel: the traits' values and who listens to them. No
# module: those wait for the whole page, and a reader would see an empty place until then.
_PAGE = """\
<div id="{id}" class="cnnlab-figure" role="group" aria-label="{label}"></div>
<noscript><p>This figure needs JavaScript.</p></noscript>
<script>
(() => {{
"use strict";
{code}
const model = (state, listeners = {{}}) => ({{
  get: (name) => state[name],
  set: (name, value) => {{
    state[name] = value;
    for (const call of listeners["change:" + name] || []) call();
  }},
  on: (event, call) => {{ (listeners[event] ||= []).push(call); }},
  off: () => {{}},
  save_changes: () => {{}},
}});
render({{ model: model({state}), el: document.getElementById("{id}") }});
}})();
</script>
"""
_EXPORT = re.compile(r"^export (default .*\n?)?", re.M)

_numbers = count(1)


def script(file: str) -> str:
    """The module beside a widget's Python file, with what all figures share in front; it imports nothing."""
    kit, own = Path(__file__).with_name("kit.js"), Path(file).with_suffix(".js")
    return f"{kit.read_text(encoding='utf-8')}\n{own.read_text(encoding='utf-8')}"


class PageWidget(anywidget.AnyWidget):  # type: ignore[misc]
    """A widget whose module imports nothing and needs of its model only get, set, on and save_changes.

    The module's functions include `render`, and none is called `model`; nowhere does it say "</script".
    """

    label = "Interactive figure"  # for people who cannot see it

    def page(self) -> str:
        """The figure as HTML with its script and state inside; it loads nothing."""
        names = [name for name in self.keys if not name.startswith("_") and name not in _NOT_OURS]
        return _PAGE.format(
            id=f"cnnlab-{type(self).__name__.lower()}-{next(_numbers)}",
            label=html.escape(self.label, quote=True),
            state=json.dumps({name: getattr(self, name) for name in names}).replace("<", "\\u003c"),
            code=_EXPORT.sub("", str(self._esm)).strip(),
        )

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data, metadata = super()._repr_mimebundle_(**kwargs)
        return {**data, "text/plain": self.label, "text/html": self.page()}, metadata


_NOT_OURS = frozenset(anywidget.AnyWidget().keys)
