"""The style of every figure: palette, lines, and what makes a figure the same file each time."""

from typing import Any

import matplotlib as mpl
from cycler import cycler

# Okabe and Ito's palette, strongest contrast on white first. Source: https://jfly.uni-koeln.de/color/
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MUTED = "#737373"
STYLE = {
    "axes.grid": True,
    "axes.prop_cycle": cycler(color=COLORS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "figure.figsize": (6.4, 3.4),
    "font.size": 10.0,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "savefig.facecolor": "white",
    "svg.hashsalt": "cnnlab",  # the same figure gives the same file
}
LABELS = {"loss": "loss (cross-entropy, nats)", "accuracy": "accuracy (%)"}
LINES = {"train": "--", "validation": "-", "test": ":"}


def use_style() -> None:
    """Make the style the default of this process, and draw sharp vector figures in a notebook."""
    mpl.rcParams.update(STYLE)
    try:
        from IPython.core.getipython import get_ipython
        from matplotlib_inline.backend_inline import set_matplotlib_formats
    except ImportError:
        return
    if get_ipython() is not None:
        set_matplotlib_formats("svg", metadata={"Date": None})  # type: ignore[no-untyped-call]


def colors() -> list[Any]:
    """The present palette, repeated for many lines."""
    return list(mpl.rcParams["axes.prop_cycle"].by_key()["color"]) * 4
