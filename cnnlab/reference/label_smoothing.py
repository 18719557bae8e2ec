"""Label smoothing."""

import torch
import torch.nn.functional as F

from cnnlab.reference.arguments import class_indices, floating, integer, real, refuse

_EPSILON = "a number in [0, 1)"


def smooth_labels(
    targets: torch.Tensor, num_classes: int, epsilon: float, *, dtype: torch.dtype | None = None
) -> torch.Tensor:
    """Targets with 1 − ε on the true class and ε / (K − 1) on each other.

    Args:
        targets: (N,), int64 class indices.
        num_classes: K, at least 2.
        epsilon: the probability taken from the true class, in [0, 1).
        dtype: of the result; PyTorch's default floating dtype when not given.

    Returns:
        (N, K), rows that sum to 1, on the device of `targets`.

    Raises:
        ValueError: an argument out of range, or of the wrong shape or dtype.

    Source: Szegedy et al. 2016, "Rethinking the Inception architecture", section 7, in the variant that
    spreads ε over the K − 1 other classes.
    """
    num_classes = integer("num_classes", num_classes, 2)
    epsilon = real("epsilon", epsilon, 0.0, 1.0, _EPSILON, below_high=True)
    class_indices("targets", targets, num_classes)
    others = epsilon / (num_classes - 1)
    one_hot = F.one_hot(targets, num_classes).to(dtype or torch.get_default_dtype())
    return one_hot * (1 - epsilon - others) + others


def label_smoothing_loss(logits: torch.Tensor, targets: torch.Tensor, epsilon: float) -> torch.Tensor:
    """Cross-entropy between the smoothed targets and softmax(logits), averaged over the batch.

    L = −(1/N) Σ_i Σ_c q_ic · log softmax(z_i)_c, with q from `smooth_labels`; finite for any finite logits.
    With `pytorch_epsilon` it equals `torch.nn.functional.cross_entropy(..., label_smoothing=...)`.

    Args:
        logits: (N, K), floating point.
        targets: (N,), int64 class indices, on the device of `logits`.
        epsilon: in [0, 1).

    Returns:
        A scalar in the dtype of `logits`; NaN for an empty batch, which has no mean.

    Raises:
        ValueError: an argument out of range, or of the wrong shape, dtype or device.

    Source: Szegedy et al. 2016, section 7; see `smooth_labels` for the variant.
    """
    floating("logits", logits, (2,))
    class_indices("targets", targets, logits.shape[1])
    if targets.shape[0] != logits.shape[0] or targets.device != logits.device:
        refuse(
            "targets",
            f"of length {targets.shape[0]} on {targets.device}",
            f"of length {logits.shape[0]} on {logits.device}, like logits",
        )
    smoothed = smooth_labels(targets, logits.shape[1], epsilon, dtype=logits.dtype)
    return F.cross_entropy(logits, smoothed)


def pytorch_epsilon(epsilon: float, num_classes: int) -> float:
    """The `label_smoothing` for which PyTorch's loss equals ours: ε·K / (K − 1).

    PyTorch spreads its ε over all K classes, the true one included, so the true class keeps
    1 − ε_torch (K − 1) / K.

    Raises:
        ValueError: an argument out of range.
    """
    num_classes = integer("num_classes", num_classes, 2)
    epsilon = real("epsilon", epsilon, 0.0, 1.0, _EPSILON, below_high=True)
    return epsilon * num_classes / (num_classes - 1)
