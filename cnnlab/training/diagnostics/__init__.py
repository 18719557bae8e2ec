"""What to ask of a network before a long training, and how to read the curves of one."""

from cnnlab.training.diagnostics.curves import Reading, read_curves
from cnnlab.training.diagnostics.sanity import CHECKS, sanity_checks
from cnnlab.training.diagnostics.setting import Setting, Verdict

__all__ = ["CHECKS", "Reading", "Setting", "Verdict", "read_curves", "sanity_checks"]
