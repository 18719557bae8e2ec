"""Tampering with what the checks call: the libraries, the checker, the reference, now or later."""

from corpus.making import Work, attack, made_in

PATCHED = "patched `torch.allclose`, `assert_close`, the checker, the reference, `torch.Tensor` methods"

YES = "lambda *given, **named: torch.ones((), dtype=torch.bool)"  # answers every comparison


@attack(PATCHED)
def patched_allclose(work: Work) -> None:
    """`torch.allclose`, `isclose` and `equal` say yes to everything."""
    work.cell(f"""
        import torch

        torch.allclose = torch.equal = lambda *given, **named: True
        torch.isclose = {YES}
    """)


@attack(PATCHED)
def patched_assert_close(work: Work) -> None:
    """`torch.testing.assert_close` and numpy's relatives raise nothing."""
    work.cell("""
        import numpy.testing
        import torch.testing

        numpy.testing.assert_allclose = numpy.testing.assert_array_equal = lambda *given, **named: None
        torch.testing.assert_close = lambda *given, **named: None
        torch.testing._comparison.assert_close = torch.testing.assert_close
    """)


@attack(PATCHED)
def rebound_check(work: Work) -> None:
    """The name `check` means something else from the answer's cell on."""
    work.cell("check = lambda *asked: print('passed')", before="check_targets")


@attack(PATCHED)
def patched_checker(work: Work) -> None:
    """The checker's own comparison finds no difference."""
    work.cell("""
        import cnnlab.check.judge

        cnnlab.check.judge.compare = lambda *given, **named: None
    """)


@attack(PATCHED)
def patched_verdict(work: Work) -> None:
    """Every result of the judge, once made, has passed with all points."""
    work.cell("""
        import cnnlab.check.api
        from cnnlab.check import Result

        cnnlab.check.api.judge = lambda *given: Result("label_smoothing.targets", 3, 3, True, "", None)
        Result.passed = property(lambda self: True, lambda self, value: None)
    """)


@attack(PATCHED)
def patched_reference(work: Work) -> None:
    """The truth becomes whatever the student's function says."""
    work.cell(
        """
        import cnnlab.reference
        from cnnlab.check.misconceptions.label_smoothing import RIGHT

        RIGHT["smooth_labels"] = cnnlab.reference.smooth_labels = smooth_labels
        """,
        before="check_targets",
    )


@attack(PATCHED)
def patched_tensor_methods(work: Work) -> None:
    """No tensor holds a single true element any more, so no element is ever wrong."""
    work.cell("""
        import torch

        torch.Tensor.any = lambda self, *given, **named: torch.zeros((), dtype=torch.bool)
        torch.Tensor.all = lambda self, *given, **named: torch.ones((), dtype=torch.bool)
    """)


@attack("thread that patches later")
def thread_that_patches_later(work: Work) -> None:
    """A thread waits until the checker has been loaded and then takes out its comparison."""
    work.cell("""
        import sys
        import threading
        import time


        def wait_and_patch():
            end = time.monotonic() + 60
            while time.monotonic() < end:
                time.sleep(0.01)
                judge = sys.modules.get("cnnlab.check.judge")
                if hasattr(judge, "compare"):
                    judge.compare = lambda *given, **named: None


        threading.Thread(target=wait_and_patch, daemon=True).start()
    """)


@attack("behaves differently when it thinks it is graded")
def different_when_graded(work: Work) -> None:
    """Where no Jupyter server named the session, comparisons say yes; elsewhere it is a plain mistake."""
    work.cell(f"""
        import os

        import torch

        if "JPY_SESSION_NAME" not in os.environ:
            torch.isclose = {YES}
    """)


@attack("behaves differently when it thinks it is graded", cause=r"cnnlab\.reference is not available")
def different_under_the_checker(work: Work) -> None:
    """Called by the checker it borrows the checker's truth, called by a person it is wrong."""
    work.cell(
        """
        import sys

        wrong = smooth_labels


        def smooth_labels(*given):
            frame = sys._getframe()
            while frame is not None:
                if "/cnnlab/" in frame.f_code.co_filename:
                    sys.setprofile(None)
                    return sys.modules["cnnlab.reference"].smooth_labels(*given)
                frame = frame.f_back
            return wrong(*given)
        """,
        before="check_targets",
    )


PATCHES = made_in(globals())
