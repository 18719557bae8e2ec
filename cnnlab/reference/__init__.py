"""Trusted forward functions: what the assignments compute, by PyTorch's own fused operations.

They run on the device and dtype of their input and are differentiable by autograd, so that truth for a
forward *and* a backward pass is this code run in float64.
"""

from cnnlab.reference.batch_norm import batch_norm
from cnnlab.reference.dropout import inverted_dropout
from cnnlab.reference.label_smoothing import label_smoothing_loss, pytorch_epsilon, smooth_labels
from cnnlab.reference.local_response_norm import local_response_norm

__all__ = [
    "batch_norm",
    "inverted_dropout",
    "label_smoothing_loss",
    "local_response_norm",
    "pytorch_epsilon",
    "smooth_labels",
]
