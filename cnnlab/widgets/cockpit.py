"""A panel for JupyterLab that trains a network of one's choice and shows what happens while it happens.

It needs a kernel, so it is for the notebook and not for a published page. Training runs in a thread; the
notebook stays free.
"""

import contextlib
import html
import io
import time
from collections.abc import Sequence
from typing import Any

import ipywidgets as ui
from matplotlib.figure import Figure
from torch import nn

from cnnlab import plots
from cnnlab.errors import InputError
from cnnlab.training import Epoch, activations
from cnnlab.training.diagnostics import Verdict, read_curves, sanity_checks
from cnnlab.widgets.background import Background
from cnnlab.widgets.choices import DATA, NETWORKS, OPTIMIZERS, SCHEDULES, Choices, code, prepare

REDRAW_SECONDS = 0.5  # a drawing takes a tenth of that
HELD = "Paused; the network and the curves stay as they are until you press Resume."
EPOCHS_TO_READ = 5  # as many as `read_curves` wants
LAYERS = 4  # histograms in a row
SAMPLE = 200  # validation images that the activations are shown for
COLUMN = ui.Layout(width="21rem")
USUAL = Choices()


class Cockpit(ui.VBox):  # type: ignore[misc]
    """Choose, start, watch; displayed by being the last line of a cell.

    Args:
        choices: what the controls show at first.

    Attributes:
        model, data: of the run that was started last.
        history: its table so far, as `cnnlab.training.fit` returns it.
        verdicts: its sanity checks.
    """

    def __init__(self, choices: Choices = USUAL) -> None:
        self.model: nn.Module | None = None
        self.data: Any = None
        self.verdicts: list[Verdict] = []
        self._run: Background | None = None
        self._drawn = 0.0
        self.controls = _controls(choices)
        self.start, self.pause, self.stop, self.as_code = (
            ui.Button(description=text, tooltip=tip)
            for text, tip in (
                ("Start", "train with these choices"),
                ("Pause", "hold after the present step, or go on"),
                ("Stop", "end after the present step"),
                ("As code", "show a cell that does the same run"),
            )
        )
        self.start.on_click(lambda _: self._begin())
        self.pause.on_click(lambda _: self._hold())
        self.stop.on_click(lambda _: self._end_early())
        self.as_code.on_click(lambda _: self._show_code())
        self.status, self.curves, self.layers, self.checks, self.code = (ui.HTML() for _ in range(5))
        self._say("Choose, then press Start.")
        self._buttons(running=False)
        columns = [ui.VBox(part, layout=COLUMN) for part in _thirds(list(self.controls.values()))]
        buttons = ui.HBox([self.start, self.pause, self.stop, self.as_code])
        shown = [self.status, self.curves, self.layers, self.checks, self.code]
        super().__init__([ui.HBox(columns, layout=ui.Layout(flex_flow="row wrap")), buttons, *shown])

    @property
    def choices(self) -> Choices:
        """What the controls show."""
        return Choices(**{name: control.value for name, control in self.controls.items()})

    @property
    def history(self) -> Any:
        """The table of the run that was started last; empty before."""
        return self._run.history if self._run else None

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the run has ended, in a cell that needs its result."""
        if self._run:
            self._run.join(timeout)

    def _begin(self) -> None:
        choices = self.choices
        try:
            self.data, self.model, given = prepare(choices)
        except InputError as error:
            self._say(f"Not started: {error}")
            return
        for place in (self.curves, self.layers, self.checks):
            place.value = ""
        self.verdicts = []
        self._run = Background(
            self.model,
            self.data.train,
            self.data.validation,
            given,
            before=lambda: self._check(given),
            after_epoch=self._look,
            held=lambda: self._say(HELD),
            ended=self._end,
        )
        self._buttons(running=True)
        self._say("The sanity checks are running …")
        self._run.start()

    def _hold(self) -> None:
        if self._run is None:
            return
        if self._run.paused:
            self._run.resume()
        else:
            self._run.pause()
        self.pause.description = "Resume" if self._run.paused else "Pause"

    def _end_early(self) -> None:
        if self._run:
            self._run.stop()

    def _check(self, given: dict[str, Any]) -> None:
        parts = {name: given[name] for name in ("loss", "optimizer", "penalty") if name in given}
        seed, classes = given["seed"], len(self.data.classes)
        self.verdicts = sanity_checks(
            self.model,  # type: ignore[arg-type]
            self.data.train,
            self.data.validation,
            classes=classes,
            seed=seed,
            show=False,
            **parts,
        )
        failed = sum(verdict.passed is False for verdict in self.verdicts)
        lines = "\n".join(map(str, self.verdicts))
        title = (
            f"Sanity checks: {failed} of {len(self.verdicts)} failed"
            if failed
            else "Sanity checks: none failed"
        )
        self.checks.value = _folded(title, lines, unfolded=bool(failed))

    def _look(self, epoch: Epoch) -> None:
        latest = (
            f"Epoch {epoch.epoch} of {epoch.epochs}: training loss {epoch.train_loss:.3f}, accuracy "
            f"{100 * epoch.train_accuracy:.1f} %; validation loss {epoch.validation_loss:.3f}, accuracy "
            f"{100 * epoch.validation_accuracy:.1f} %; rate {epoch.rate:.3g}."
        )
        if epoch.epoch >= EPOCHS_TO_READ:
            latest += f" So far: {read_curves(self.history, classes=len(self.data.classes))}"
        self._say(latest)
        if epoch.epoch == epoch.epochs or time.monotonic() - self._drawn > REDRAW_SECONDS:
            self.curves.value = _picture(_curves(self.history), f"Learning curves. {latest}")
            self._draw_layers(epoch.model)
            self._drawn = time.monotonic()

    def _draw_layers(self, model: nn.Module) -> None:
        outputs = activations(model, self.data.validation.images[:SAMPLE], kinds=("ReLU",))
        means = ", ".join(f"{name} {100 * (out == 0).float().mean():.0f} %" for name, out in outputs.items())
        self.layers.value = _picture(_histograms(outputs), f"Activations by layer; share of zeros: {means}.")

    def _end(self, sentence: str, problem: Exception | None) -> None:
        if not self.history.empty and self.model is not None:
            self.curves.value = _picture(_curves(self.history), f"Learning curves. {sentence}")
            if len(self.history) >= 2 * EPOCHS_TO_READ or problem:
                with contextlib.suppress(InputError):  # given up before there was enough to read
                    sentence += f" {read_curves(self.history, classes=len(self.data.classes))}"
        self._say(sentence)
        self._buttons(running=False)

    def _show_code(self) -> None:
        self.code.value = f"<pre tabindex='0'>{html.escape(code(self.choices))}</pre>"

    def _buttons(self, running: bool) -> None:
        self.start.disabled = running
        self.pause.disabled = self.stop.disabled = not running
        self.pause.description = "Pause"

    def _say(self, sentence: str) -> None:
        self.status.value = f"<p role='status' aria-live='polite'>{html.escape(sentence)}</p>"


def _controls(choices: Choices) -> dict[str, Any]:
    """A labelled control for each of the choices."""
    made = {
        "data": ui.Dropdown(description="data", options=DATA),
        "train_size": ui.BoundedIntText(description="images", min=0, max=60000, step=100),
        "label_noise": ui.BoundedFloatText(description="wrong labels", min=0, max=1, step=0.1),
        "model": ui.Dropdown(description="network", options=tuple(NETWORKS)),
        "norm": ui.Dropdown(description="norm", options=("none", "batch", "local_response")),
        "dropout": ui.BoundedFloatText(description="dropout", min=0, max=1, step=0.1),
        "l2": ui.BoundedFloatText(description="L2 strength", min=0, max=100, step=0.001),
        "label_smoothing": ui.BoundedFloatText(description="smoothing", min=0, max=0.99, step=0.05),
        "optimizer": ui.Dropdown(description="optimizer", options=tuple(OPTIMIZERS)),
        "rate": ui.FloatLogSlider(description="rate", min=-5, max=1, step=0.1, readout_format=".2g"),
        "schedule": ui.Dropdown(description="schedule", options=tuple(SCHEDULES)),
        "batch_size": ui.BoundedIntText(description="batch size", min=1, max=10000),
        "epochs": ui.BoundedIntText(description="epochs", min=1, max=1000),
        "seed": ui.BoundedIntText(description="seed", min=0, max=2**31 - 1),
    }
    for name, control in made.items():
        control.value = getattr(choices, name)
        control.style.description_width = "7rem"
    return made


def _thirds(parts: Sequence[Any]) -> list[Sequence[Any]]:
    size = -(-len(parts) // 3)
    return [parts[start : start + size] for start in range(0, len(parts), size)]


def _curves(history: Any) -> Figure:
    figure = Figure(figsize=(8, 2.8), layout="constrained")
    for ax, metric in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        plots.learning_curves(history, metric=metric, ax=ax)
    return figure


def _histograms(outputs: dict[str, Any]) -> Figure:
    names = list(outputs)[-LAYERS:]
    figure = Figure(figsize=(2 * len(names) if names else 2, 1.8), layout="constrained")
    for number, name in enumerate(names, 1):
        ax = figure.add_subplot(1, len(names), number)
        ax.hist(outputs[name].flatten().numpy(), bins=30, density=True)
        ax.set(title=f"layer {name}", yscale="log", yticks=[])
    return figure


def _picture(figure: Figure, description: str) -> str:
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None})
    drawing = file.getvalue().partition("<svg")[2]
    return f"<svg role='img' aria-label='{html.escape(description, quote=True)}' {drawing}"


def _folded(title: str, text: str, unfolded: bool) -> str:
    opened = " open" if unfolded else ""
    return f"<details{opened}><summary>{title}</summary><pre>{html.escape(text)}</pre></details>"
