"""The graded assignments, by name."""

from cnnlab.check.assignments import (
    batch_norm,
    inverted_dropout,
    label_smoothing,
    local_response_norm,
    preprocessing,
    tuning,
)
from cnnlab.check.catalogue import Assignment

ASSIGNMENTS: dict[str, Assignment] = {
    module.ASSIGNMENT.name: module.ASSIGNMENT
    for module in (inverted_dropout, batch_norm, local_response_norm, label_smoothing, preprocessing, tuning)
}
