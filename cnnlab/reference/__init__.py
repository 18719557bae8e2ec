"""Trusted forward functions: what the assignments compute, by PyTorch's own fused operations.

They run on the device and dtype of their input and are differentiable by autograd, so that truth for a
forward *and* a backward pass is this code run in float64.
"""

from cnnlab.reference.augment import (
    crop,
    draw_crops,
    draw_flips,
    draw_rectangles,
    erase,
    flip,
    mixup,
    rectangle_size,
)
from cnnlab.reference.batch_norm import batch_norm
from cnnlab.reference.dropout import inverted_dropout
from cnnlab.reference.early_stopping import early_stopping
from cnnlab.reference.label_smoothing import label_smoothing_loss, pytorch_epsilon, smooth_labels
from cnnlab.reference.local_response_norm import local_response_norm
from cnnlab.reference.penalties import penalized_loss
from cnnlab.reference.schedules import cosine_schedule, step_schedule
from cnnlab.reference.search import log_uniform, next_range
from cnnlab.reference.standardize import fit_standardization, standardize

__all__ = [
    "batch_norm",
    "cosine_schedule",
    "crop",
    "draw_crops",
    "draw_flips",
    "draw_rectangles",
    "early_stopping",
    "erase",
    "fit_standardization",
    "flip",
    "inverted_dropout",
    "label_smoothing_loss",
    "local_response_norm",
    "log_uniform",
    "mixup",
    "next_range",
    "penalized_loss",
    "pytorch_epsilon",
    "rectangle_size",
    "smooth_labels",
    "standardize",
    "step_schedule",
]
