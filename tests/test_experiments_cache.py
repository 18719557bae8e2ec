"""Finished runs on disk: read when nothing that matters has changed, trained anew when anything has."""

import functools
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from cnnlab.data import Dataset, Split
from cnnlab.experiments import Recipe, cache, compare, fingerprint
from cnnlab.models import initialise
from cnnlab.training import EarlyStopping, decay_weights_only, l1, sgd


def dataset(*, seed: int, n: int = 32) -> Dataset:
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(n, 1, 2, 2, generator=generator)
    part = Split(images, images.flatten(1).argmax(dim=1))
    return Dataset("random", tuple("abcd"), part, part, part)


BASE = Recipe(
    data=dataset,
    options={"inputs": 4, "hidden": (8,), "classes": 4},
    training={"epochs": 2, "batch_size": 16, "device": "cpu"},
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CNNLAB_CACHE", str(tmp_path))
    return tmp_path / "experiments"


def trained(recipe: Recipe = BASE, seeds: tuple[int, ...] = (0, 1), **options: object) -> int:
    """How many runs are trained, and not read."""
    table = compare({"it": recipe}, seeds, **{"jobs": 1} | options)
    return int(table.attrs["runs"] - table.attrs["cached"])


def test_the_second_time_everything_is_read() -> None:
    variants = {"a": BASE, "b": BASE.change(dropout=0.5)}
    first, second = (compare(variants, seeds=[0, 1], jobs=1, test=True) for _ in range(2))
    assert (first.attrs["cached"], first.attrs["runs"]) == (0, 4)
    assert (second.attrs["cached"], second.attrs["runs"]) == (4, 4)
    pd.testing.assert_frame_equal(first, second, check_exact=True)  # seconds too
    assert (first.dtypes == second.dtypes).all()


def test_only_what_is_new_is_trained() -> None:
    assert trained(seeds=(0, 1)) == 2
    assert trained(seeds=(0, 1, 2)) == 1
    table = compare({"other name": BASE, "new": BASE.change(hidden=(9,))}, seeds=[1, 2], jobs=1)
    assert table.attrs["cached"] == 2
    assert list(table["variant"].unique()) == ["other name", "new"]
    assert list(table.groupby("variant", sort=False)["seed"].unique().map(list)) == [[1, 2], [1, 2]]


CHANGES = {
    "an option": BASE.change(dropout=0.1),
    "the model": replace(BASE, model="two_layer", options={"inputs": 4, "hidden": 8, "classes": 4}),
    "epochs": replace(BASE, training={**BASE.training, "epochs": 3}),
    "a rate": replace(BASE, training={**BASE.training, "optimizer": partial(torch.optim.SGD, lr=0.1)}),
    "the data": replace(BASE, data=partial(dataset, n=40)),
    "the scheme": replace(BASE, initialise=partial(initialise, scheme="kaiming")),
    "stopping": replace(BASE, training={**BASE.training, "after_epoch": [EarlyStopping(1)]}),
    "patience": replace(BASE, training={**BASE.training, "after_epoch": [EarlyStopping(2)]}),
    "a penalty": replace(BASE, training={**BASE.training, "penalty": l1(0.1)}),
    "its strength": replace(BASE, training={**BASE.training, "penalty": l1(0.2)}),
    "the decay": replace(BASE, training={**BASE.training, "optimizer": decay_weights_only(sgd, 0.1)}),
    "a lambda": replace(BASE, training={**BASE.training, "penalty": lambda model: torch.zeros(())}),
}


def test_any_change_of_the_settings_is_another_run() -> None:
    every = [BASE, *CHANGES.values()]
    assert len({fingerprint.content(recipe) for recipe in every}) == len(every)
    assert trained() == 2
    assert trained(CHANGES["an option"]) == 2
    assert trained(test=True) == 0  # measured at once, shown on request
    assert trained() == 0


def version(source: str, **names: object) -> Callable[..., Dataset]:
    """A function of the user's, from its source; its module must not have the name of an installed one."""
    space: dict[str, object] = {"__name__": "code_of_the_user", "dataset": dataset, "torch": torch, **names}
    exec(source, space)
    return space["data"]


SOURCE = """
SIZE = 32
def helper(seed):
    return dataset(seed=seed, n=SIZE)
def data(*, seed):
    return helper(seed)
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("seed=seed, n=", "seed=seed + 1, n="),
        ("SIZE = 32", "SIZE = 33"),
        ("helper(seed)\n", "dataset(seed=seed)\n"),
    ],
    ids=["a function it calls", "a global it reads", "its own code"],
)
def test_a_change_of_the_users_code_is_a_miss(old: str, new: str) -> None:
    assert old in SOURCE
    assert trained(replace(BASE, data=version(SOURCE))) == 2
    assert trained(replace(BASE, data=version(SOURCE))) == 0
    assert trained(replace(BASE, data=version("# a comment\n\n" + SOURCE + "\nunrelated = 1\n"))) == 0
    assert trained(replace(BASE, data=version(SOURCE.replace(old, new)))) == 2


def test_a_change_of_our_code_is_a_miss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert trained() == 2
    copied = tmp_path / "cnnlab"
    shutil.copytree(fingerprint.PACKAGE, copied, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(fingerprint, "PACKAGE", copied)
    assert trained() == 0
    for harmless in ("plots/style.py", "grading/execute.py", "check/judge.py", "widgets/page.py"):
        (copied / harmless).write_text("changed")
    assert trained() == 0
    loop = copied / "training" / "loop.py"
    loop.write_text(loop.read_text().replace("momentum=0.9", "momentum=0.8"))
    assert trained() == 2
    assert trained() == 0


def test_another_version_of_a_library_is_a_miss(monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint.code()
    monkeypatch.setattr(fingerprint.metadata, "version", lambda name: "0.1")
    assert fingerprint.code() != before


def damage(content: bytes, how: str) -> bytes:
    if how == "cut":
        return content[: len(content) // 2]
    if how == "one digit":
        at = content.rindex(b'"loss": ') + len(b'"loss": 0.')
        return content[:at] + (b"1" if content[at : at + 1] != b"1" else b"2") + content[at + 1 :]
    return {"empty": b"", "garbage": b"\xff" * 100}[how]


@pytest.mark.parametrize("how", ["cut", "one digit", "empty", "garbage"])
def test_a_damaged_entry_is_trained_anew(how: str, folder: Path) -> None:
    first = compare({"a": BASE}, seeds=[0, 1], jobs=1)
    entry = sorted(folder.iterdir())[0]
    entry.write_bytes(damage(entry.read_bytes(), how))
    again = compare({"a": BASE}, seeds=[0, 1], jobs=1)
    assert again.attrs["cached"] == 1
    pd.testing.assert_frame_equal(
        first.drop(columns="seconds"), again.drop(columns="seconds"), check_exact=True
    )
    assert trained() == 0


def test_an_entry_is_complete_or_not_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(source: object, target: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", gone)
        with pytest.raises(KeyboardInterrupt):
            compare({"a": BASE}, seeds=[0], jobs=1)
    assert not list(folder.glob("*.json"))
    assert trained() == 2


LONG = """
import os, signal, sys
import torch
from cnnlab.data import Dataset, Split
from cnnlab.experiments import Recipe, compare

def data(*, seed):
    if seed == 2 and "KILL" in os.environ:
        os.kill(os.getpid(), signal.SIGKILL)
    images = torch.rand(32, 1, 2, 2, generator=torch.Generator().manual_seed(seed))
    part = Split(images, images.flatten(1).argmax(dim=1))
    return Dataset("random", tuple("abcd"), part, part, part)

recipe = Recipe(data=data, options={"inputs": 4, "hidden": (8,), "classes": 4}, training={"epochs": 2})

if __name__ == "__main__":
    compare({"long": recipe}, seeds=range(4), jobs=1)
"""


def imported(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_comparison_that_was_killed_goes_on(tmp_path: Path) -> None:
    """In another process, with another order of sets and dicts, the same content has the same name."""
    script = tmp_path / "long.py"
    script.write_text(LONG)
    environment = {**os.environ, "KILL": "1", "PYTHONHASHSEED": "12345"}
    done = subprocess.run([sys.executable, script], env=environment, check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    table = compare({"long": imported(script).recipe}, seeds=range(4), jobs=1)
    assert (table.attrs["cached"], table.attrs["runs"]) == (2, 4)
    assert (table["failure"] == "").all()


def test_what_has_no_content_is_not_kept_and_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CNNLAB_QUIET", raising=False)
    monkeypatch.setattr("cnnlab.experiments.comparison.watched", lambda: True)
    generator = torch.Generator()
    drawing = replace(BASE, data=lambda seed: (generator.get_state(), dataset(seed=seed))[1])
    variants = {"plain": BASE, "drawing": drawing}
    for cached in (0, 1):
        table = compare(variants, seeds=[0], jobs=1)
        assert table.attrs["cached"] == cached
        assert table.attrs["not_cacheable"] == {
            "drawing": "a torch.Generator goes on from run to run; use a seed"
        }
    shown = capsys.readouterr().err
    assert "0 of 2 runs are" not in shown
    assert "1 of 2 runs are read from" in shown
    assert "the runs of 'drawing' cannot be kept for the next time: a torch.Generator goes on" in shown


def test_divergence_is_kept_and_an_accident_is_not() -> None:
    exploding = replace(BASE, training={**BASE.training, "optimizer": partial(torch.optim.SGD, lr=1e30)})
    first, second = (compare({"a": exploding}, seeds=[0], jobs=1) for _ in range(2))
    assert second.attrs["cached"] == 1
    pd.testing.assert_frame_equal(first, second)
    assert second["failure"].str.startswith("Diverged").all()

    def data(*, seed: int) -> Dataset:
        raise MemoryError("full")

    assert [trained(replace(BASE, data=data), seeds=(0,)) for _ in range(2)] == [1, 1]


def test_without_the_cache_nothing_is_read_or_written(folder: Path) -> None:
    assert trained(cache=False) == 2
    assert not folder.exists()
    assert trained() == 2
    assert trained(cache=False) == 2


def test_a_folder_that_cannot_be_written_costs_only_the_keeping(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CNNLAB_CACHE", str(tmp_path / "file"))
    assert [trained() for _ in range(2)] == [2, 2]


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert cache.folder() == tmp_path / "experiments"
    monkeypatch.delenv("CNNLAB_CACHE")
    assert cache.folder() == Path(__file__).parents[1] / ".cache" / "experiments"
    monkeypatch.setattr(fingerprint, "PACKAGE", tmp_path / "site-packages" / "cnnlab")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.folder() == tmp_path / "xdg" / "cnnlab" / "experiments"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache.folder() == Path.home() / ".cache" / "cnnlab" / "experiments"


def made(value: int) -> Callable[[], int]:
    return lambda: value


class Net(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer = nn.Linear(4, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)


class OtherNet(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer = nn.Linear(4, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * self.layer(x)


@functools.cache
def remembered(seed: int) -> int:
    return seed


def twice(value: int) -> int:
    return remembered(value) * 2


def fibonacci(n: int) -> int:
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


EQUAL = [
    lambda: {"a": 1, "b": (2.0, None)},
    lambda: torch.arange(3.0),
    lambda: np.arange(3),
    lambda: made(3),
    lambda: {"x", "y", "z"},
    lambda: partial(made, 3),
    lambda: EarlyStopping(3).__call__,
    lambda: Net,
    lambda: [Path("a"), range(3), torch.float32, slice(1, 2), float("nan")],
    lambda: nn.Linear(2, 2).requires_grad_(False).double().zero_grad,
    lambda: fibonacci,
    lambda: (twice, torch.relu, torch.nn.functional.relu, torch.optim.SGD, np.tanh, len),
]


@pytest.mark.parametrize("make", EQUAL)
def test_equal_content_has_one_name(make: Callable[[], object]) -> None:
    if make is EQUAL[9]:
        torch.manual_seed(0)
        first = fingerprint.content(make())
        torch.manual_seed(0)
        assert first == fingerprint.content(make())
        return
    assert fingerprint.content(make()) == fingerprint.content(make())


DIFFERENT = [
    (1, 1.0),
    (1, True),
    ("1", 1),
    ((1, 2), (2, 1)),
    ([1, 2], (1, 2)),
    ({"a": 1}, {"a": 2}),
    (torch.zeros(2), torch.zeros(2, 1)),
    (torch.zeros(2), torch.zeros(2, dtype=torch.float64)),
    (made(1), made(2)),
    (partial(made, 1), partial(made, 2)),
    (lambda x: x + 1, lambda x: x + 2),
    (lambda x: x.relu(), lambda x: x.tanh()),
    (lambda x=1: x, lambda x=2: x),
    (torch.relu, torch.tanh),
    (np.tanh, np.exp),
    (Net, OtherNet),
    (EarlyStopping(1).__call__, EarlyStopping(2).__call__),
    (torch.optim.swa_utils.get_ema_multi_avg_fn(0.9), torch.optim.swa_utils.get_ema_multi_avg_fn(0.8)),
]


@pytest.mark.parametrize(("first", "second"), DIFFERENT)
def test_different_content_has_different_names(first: object, second: object) -> None:
    assert fingerprint.content(first) != fingerprint.content(second)


def test_what_has_no_content_is_refused() -> None:
    with open(os.devnull) as file:
        for value in (torch.Generator(), [].append, file, {"deep": (partial(print, file=file),)}):
            with pytest.raises(fingerprint.Unknowable):
                fingerprint.content(value)
