"""What to ask of a network before a long training, and how to read the curves of one."""

from cnnlab.training.diagnostics.curves import Reading, read_curves
from cnnlab.training.diagnostics.planted import BUGS, Planted, plant
from cnnlab.training.diagnostics.sanity import CHECKS, sanity_checks
from cnnlab.training.diagnostics.setting import Setting, Verdict

__all__ = [
    "BUGS", "CHECKS", "Planted", "Reading", "Setting", "Verdict", "plant", "read_curves", "sanity_checks",
]  # fmt: skip
