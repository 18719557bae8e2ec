"""Training: one loop, and what it reports."""

from cnnlab.training.loop import Diverged, evaluate, fit

__all__ = ["Diverged", "evaluate", "fit"]
