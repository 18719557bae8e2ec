"""The bar: there for people, never in a book, a log or a test."""

import sys
from types import SimpleNamespace

import pytest
from toy import network, run

from cnnlab.training.progress import watched


def test_nothing_is_printed_where_nobody_watches(capfd: pytest.CaptureFixture[str]) -> None:
    run(network())
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("quiet", [True, False])
def test_a_terminal_shows_loss_accuracy_rate_and_time_left(
    quiet: bool, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CNNLAB_QUIET", raising=False)
    if quiet:
        monkeypatch.setenv("CNNLAB_QUIET", "1")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    history = run(network())
    output, shown = capfd.readouterr()
    assert output == ""
    if quiet:
        assert shown == ""
        return
    accuracy = history["accuracy"].iloc[3]  # validation, after the second epoch
    for part in (
        "epoch 3/3",
        "loss 1.",
        "rate 0.05",
        f"validation accuracy {100 * accuracy:.1f} %",
        "0:00:00",
    ):
        assert part in shown


def test_it_can_be_switched_off_and_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CNNLAB_QUIET", raising=False)
    import ipykernel.kernelapp  # noqa: F401  (imported is not the same as running in one)
    import IPython

    assert not watched()
    assert watched(True)
    with monkeypatch.context() as notebook:
        kernel = SimpleNamespace(kernel=object())
        notebook.setattr(IPython, "get_ipython", lambda: kernel)
        assert watched()
        assert not watched(False)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert watched()
    assert not watched(False)
    monkeypatch.setenv("CNNLAB_QUIET", "1")
    assert not watched(True)


def test_it_changes_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CNNLAB_QUIET", raising=False)
    assert run(network(), progress=True).equals(run(network(), progress=False))
