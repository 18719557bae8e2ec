"""Wrong label smoothings that people write, made of the reference and of PyTorch's losses."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from cnnlab import reference
from cnnlab.check.catalogue import Misconception

Tensor = torch.Tensor


def _targets(targets: Tensor, num_classes: int, epsilon: float) -> Tensor:
    return reference.smooth_labels(targets, num_classes, epsilon)


def _gradient_of(
    loss: Callable[[Tensor, Tensor, float], Tensor], logits: Tensor, targets: Tensor, epsilon: float
) -> Tensor:
    z = logits.detach().clone().requires_grad_()
    with torch.enable_grad():
        return torch.autograd.grad(loss(z, targets, epsilon), z)[0]


def _grad(logits: Tensor, targets: Tensor, epsilon: float) -> Tensor:
    return _gradient_of(reference.label_smoothing_loss, logits, targets, epsilon)


RIGHT: dict[str, Callable[..., Any]] = {
    "smooth_labels": _targets,
    "label_smoothing_loss": reference.label_smoothing_loss,
    "label_smoothing_grad": _grad,
    "pytorch_epsilon": reference.pytorch_epsilon,
}


def _mixed(
    true: Callable[[float, int], float], other: Callable[[float, int], float]
) -> Callable[..., Tensor]:
    """Targets with true(ε, K) on the true class and other(ε, K) on the others."""

    def smooth(targets: Tensor, num_classes: int, epsilon: float) -> Tensor:
        one_hot = reference.smooth_labels(targets, num_classes, 0.0)
        return one_hot * true(epsilon, num_classes) + (1 - one_hot) * other(epsilon, num_classes)

    return smooth


def _with_targets(smooth: Callable[..., Tensor]) -> dict[str, Callable[..., Any]]:
    """The three functions that follow from other targets."""

    def loss(logits: Tensor, targets: Tensor, epsilon: float) -> Tensor:
        q = smooth(targets, logits.shape[1], epsilon).to(logits)
        return -(q * F.log_softmax(logits, 1)).sum(1).mean()

    def grad(logits: Tensor, targets: Tensor, epsilon: float) -> Tensor:
        return _gradient_of(loss, logits, targets, epsilon)

    return {"smooth_labels": smooth, "label_smoothing_loss": loss, "label_smoothing_grad": grad}


def _softmax_minus(smooth: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def grad(logits: Tensor, targets: Tensor, epsilon: float) -> Tensor:
        q = smooth(targets, logits.shape[1], epsilon).to(logits)
        return (F.softmax(logits, 1) - q) / len(targets)

    return grad


def _loss(change: Callable[[Tensor, Tensor, Tensor], Tensor]) -> dict[str, Callable[..., Any]]:
    """A loss that is change(logits, q, targets), and its gradient."""

    def loss(logits: Tensor, targets: Tensor, epsilon: float) -> Tensor:
        q = reference.smooth_labels(targets, logits.shape[1], epsilon, dtype=logits.dtype)
        return change(logits, q, targets)

    return {
        "label_smoothing_loss": loss,
        "label_smoothing_grad": lambda z, t, e: _gradient_of(loss, z, t, e),
    }


def _gradient(change: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """A gradient that is change(logits, q, right gradient)."""

    def grad(logits: Tensor, targets: Tensor, epsilon: float) -> Tensor:
        q = reference.smooth_labels(targets, logits.shape[1], epsilon, dtype=logits.dtype)
        return change(logits, q, _grad(logits, targets, epsilon))

    return grad


def _shifted(logits: Tensor) -> Tensor:
    return logits - logits.max()


def _mean(q: Tensor, log_p: Tensor) -> Tensor:
    return -(q * log_p).sum(1).mean()


def _inferred(targets: Tensor, num_classes: int, epsilon: float) -> Tensor:
    classes = max(int(targets.max()) + 1, 2) if targets.numel() else num_classes
    return reference.smooth_labels(targets, classes, epsilon)


def _in_place(logits: Tensor, targets: Tensor, epsilon: float) -> Tensor:
    loss = reference.label_smoothing_loss(logits, targets, epsilon)
    logits.copy_(F.log_softmax(logits, 1))
    return loss


_TARGETS = ("targets", "loss", "gradient")
_LOSS = ("loss", "gradient")


def _wrong(name: str, title: str, why: str, parts: tuple[str, ...], functions: Any) -> Misconception:
    return Misconception(name, title, why, functions, parts)


MISCONCEPTIONS = (
    _wrong(
        "spread_over_all_classes",
        "ε was spread over all K classes, the true one included",
        "That is PyTorch's convention; here the true class keeps 1 − ε, and the others share ε / (K − 1).",
        _TARGETS,
        _with_targets(_mixed(lambda e, k: 1 - e + e / k, lambda e, k: e / k)),
    ),
    _wrong(
        "others_get_epsilon_over_k",
        "the other classes got ε / K each",
        "Then a row sums to less than 1; K − 1 classes share ε, so each gets ε / (K − 1).",
        _TARGETS,
        _with_targets(_mixed(lambda e, k: 1 - e, lambda e, k: e / k)),
    ),
    _wrong(
        "others_get_epsilon",
        "every other class got the whole ε",
        "The K − 1 other classes share ε, so each gets ε / (K − 1).",
        _TARGETS,
        _with_targets(_mixed(lambda e, k: 1 - e, lambda e, k: e)),
    ),
    _wrong(
        "true_class_keeps_one",
        "the true class kept 1",
        "What the others get is taken from the true class: 1 − ε.",
        _TARGETS,
        _with_targets(_mixed(lambda e, k: 1.0, lambda e, k: e / (k - 1))),
    ),
    _wrong(
        "others_get_nothing",
        "the other classes got nothing",
        "A row must sum to 1: each other class gets ε / (K − 1).",
        ("targets",),
        _with_targets(_mixed(lambda e, k: 1 - e, lambda e, k: 0.0)),
    ),
    _wrong(
        "not_smoothed",
        "the targets were not smoothed",
        "ε moves from the true class to the others.",
        _TARGETS,
        _with_targets(_mixed(lambda e, k: 1.0, lambda e, k: 0.0)),
    ),
    _wrong(
        "epsilon_on_true_class",
        "the true class got ε, and the others shared 1 − ε",
        "ε is what the true class gives away.",
        _TARGETS,
        _with_targets(_mixed(lambda e, k: e, lambda e, k: (1 - e) / (k - 1))),
    ),
    _wrong(
        "true_class_loses_share",
        "the true class got 1 − ε / (K − 1)",
        "The true class gives away all of ε; each other class gets ε / (K − 1).",
        _TARGETS,
        _with_targets(_mixed(lambda e, k: 1 - e / (k - 1), lambda e, k: e / (k - 1))),
    ),
    _wrong(
        "classes_counted_from_targets",
        "the number of classes was read off the targets",
        "A batch need not hold the last class; use num_classes.",
        ("targets",),
        {"smooth_labels": _inferred},
    ),
    _wrong(
        "largest_of_the_batch",
        "the largest logit of the whole batch was subtracted, not the largest of each row",
        "A row far below another has only zeros after exp; subtract from each row its own largest logit.",
        _LOSS,
        {
            "label_smoothing_loss": _loss(
                lambda z, q, t: _mean(q, _shifted(z) - _shifted(z).exp().sum(1, keepdim=True).log())
            )["label_smoothing_loss"],
            "label_smoothing_grad": _gradient(
                lambda z, q, right: (_shifted(z).exp() / _shifted(z).exp().sum(1, keepdim=True) - q) / len(z)
            ),
        },
    ),
    _wrong(
        "loss_summed",
        "the loss was summed over the batch instead of averaged",
        "The contract's loss is the mean over the batch.",
        ("loss",),
        _loss(lambda z, q, t: -(q * F.log_softmax(z, 1)).sum()),
    ),
    _wrong(
        "mean_over_all_elements",
        "the loss was averaged over the classes as well",
        "Sum over the classes, then average over the samples.",
        ("loss",),
        _loss(lambda z, q, t: -(q * F.log_softmax(z, 1)).mean()),
    ),
    _wrong(
        "sign_missing",
        "the minus sign is missing",
        "Cross-entropy is −Σ q·log p; without the sign, training would raise it.",
        ("loss",),
        _loss(lambda z, q, t: -_mean(q, F.log_softmax(z, 1))),
    ),
    _wrong(
        "log_of_softmax",
        "the loss is not finite, or not exact, for large logits",
        "A softmax that underflows to 0 has the logarithm −∞; compute log-softmax as z − logsumexp(z).",
        ("loss",),
        _loss(lambda z, q, t: _mean(q, F.softmax(z, 1).log())),
    ),
    _wrong(
        "probability_clamped",
        "the probabilities were kept away from 0 by a small constant",
        "It caps the loss for confident mistakes, where it matters most; compute log-softmax as "
        "z − logsumexp(z).",
        ("loss",),
        _loss(lambda z, q, t: _mean(q, (F.softmax(z, 1) + 1e-8).log())),
    ),
    _wrong(
        "logarithm_missing",
        "the probabilities were used without their logarithm",
        "Cross-entropy is −Σ q·log p.",
        _LOSS,
        _loss(lambda z, q, t: _mean(q, F.softmax(z, 1))),
    ),
    _wrong(
        "softmax_over_batch",
        "the softmax runs over the samples",
        "It runs over the classes of one sample, dimension 1.",
        _LOSS,
        _loss(lambda z, q, t: _mean(q, F.log_softmax(z, 0))),
    ),
    _wrong(
        "softmax_twice",
        "the softmax was applied twice",
        "The arguments are logits; one softmax makes them probabilities.",
        _LOSS,
        _loss(lambda z, q, t: _mean(q, F.log_softmax(F.softmax(z, 1), 1))),
    ),
    _wrong(
        "sigmoid_per_class",
        "each class was judged by a sigmoid of its own",
        "The classes exclude each other: one softmax over all of them.",
        _LOSS,
        _loss(lambda z, q, t: _mean(q, F.logsigmoid(z))),
    ),
    _wrong(
        "binary_cross_entropy",
        "the loss is the binary cross-entropy of each class",
        "The classes exclude each other: one softmax over all of them, and −Σ q·log p.",
        _LOSS,
        _loss(lambda z, q, t: F.binary_cross_entropy_with_logits(z, q, reduction="none").sum(1).mean()),
    ),
    _wrong(
        "kl_divergence",
        "the entropy of the targets was subtracted",
        "That is the KL divergence; it has the same gradient, but cross-entropy is asked for.",
        ("loss",),
        _loss(lambda z, q, t: F.kl_div(F.log_softmax(z, 1), q, reduction="batchmean")),
    ),
    _wrong(
        "true_class_only",
        "only the true class entered the loss",
        "With smoothed targets every class has a share: −Σ q·log p over all of them.",
        _LOSS,
        _loss(lambda z, q, t: -(q * F.log_softmax(z, 1)).gather(1, t[:, None]).mean()),
    ),
    _wrong(
        "in_place",
        "the input was overwritten",
        "The logits may still be needed, for example for the accuracy.",
        ("loss",),
        {"label_smoothing_loss": _in_place},
    ),
    _wrong(
        "gradient_not_averaged",
        "the gradient was not divided by the batch size",
        "The loss is a mean over N samples, so its gradient holds 1 / N.",
        ("gradient",),
        {"label_smoothing_grad": _gradient(lambda z, q, g: g * len(z))},
    ),
    _wrong(
        "gradient_averaged_over_all",
        "the gradient was divided by N·K",
        "The loss is a mean over N samples, so its gradient holds 1 / N.",
        ("gradient",),
        {"label_smoothing_grad": _gradient(lambda z, q, g: g / z.shape[1])},
    ),
    _wrong(
        "gradient_sign",
        "the gradient has the wrong sign",
        "It is (p − q) / N: a class that gets too much probability is pushed down.",
        ("gradient",),
        {"label_smoothing_grad": _gradient(lambda z, q, g: -g)},
    ),
    _wrong(
        "gradient_without_softmax",
        "the gradient uses the logits instead of the probabilities",
        "It is (p − q) / N with p = softmax(z).",
        ("gradient",),
        {"label_smoothing_grad": _gradient(lambda z, q, g: (z - q) / len(z))},
    ),
    _wrong(
        "gradient_of_probabilities",
        "the gradient is that with respect to the probabilities",
        "It is asked for the logits; the chain rule through the softmax makes it (p − q) / N.",
        ("gradient",),
        {"label_smoothing_grad": _gradient(lambda z, q, g: -q / F.softmax(z, 1) / len(z))},
    ),
    _wrong(
        "gradient_with_pytorch_targets",
        "the gradient was taken with ε spread over all K classes",
        "Here the true class keeps 1 − ε, and the others share ε / (K − 1).",
        ("gradient",),
        {"label_smoothing_grad": _softmax_minus(_mixed(lambda e, k: 1 - e, lambda e, k: e / k))},
    ),
    _wrong(
        "epsilon_divided",
        "ε was multiplied by (K − 1) / K",
        "PyTorch's others get ε_torch / K, ours ε / (K − 1); equal for ε_torch = ε·K / (K − 1).",
        ("pytorch_epsilon",),
        {"pytorch_epsilon": lambda epsilon, num_classes: epsilon * (num_classes - 1) / num_classes},
    ),
    _wrong(
        "epsilon_unchanged",
        "ε was returned as it is",
        "PyTorch spreads its ε over all K classes, ours over K − 1: the two differ.",
        ("pytorch_epsilon",),
        {"pytorch_epsilon": lambda epsilon, num_classes: float(epsilon)},
    ),
    _wrong(
        "epsilon_per_class",
        "the share of one class was returned",
        "It is asked for PyTorch's whole ε, not for ε / (K − 1).",
        ("pytorch_epsilon",),
        {"pytorch_epsilon": lambda epsilon, num_classes: epsilon / (num_classes - 1)},
    ),
    _wrong(
        "epsilon_over_k",
        "ε was divided by K",
        "It is asked for PyTorch's whole ε, which it divides by K itself.",
        ("pytorch_epsilon",),
        {"pytorch_epsilon": lambda epsilon, num_classes: epsilon / num_classes},
    ),
)
