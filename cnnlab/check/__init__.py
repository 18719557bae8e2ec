"""Checks a student's functions against the reference and says what is right, what is wrong and why.

In a notebook: `check("batch_norm.forward", batch_norm_forward)`. Without one:
`grade("batch_norm", {"batch_norm_forward": f, ...})`.
"""

from cnnlab.check.api import CheckFailed, check, grade
from cnnlab.check.report import Report, Result

__all__ = ["CheckFailed", "Report", "Result", "check", "grade"]
