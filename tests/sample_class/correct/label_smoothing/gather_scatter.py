"""Label smoothing with gather where the true class is read and scatter where it is written."""

import torch


def _scattered(like, targets, epsilon):
    q = torch.full_like(like, epsilon / (like.shape[1] - 1), memory_format=torch.contiguous_format)
    return q.scatter_(1, targets.unsqueeze(1), 1 - epsilon)


def _log_probabilities(logits):
    shifted = logits - torch.amax(logits, dim=1, keepdim=True)
    return shifted - torch.log(torch.sum(torch.exp(shifted), dim=1, keepdim=True))


def smooth_labels(targets, num_classes, epsilon):
    return _scattered(torch.empty(len(targets), num_classes, device=targets.device), targets, epsilon)


def label_smoothing_loss(logits, targets, epsilon):
    log_p = _log_probabilities(logits)
    true = log_p.gather(1, targets.unsqueeze(1)).squeeze(1)
    others = (log_p.sum(1) - true) / (logits.shape[1] - 1)
    return -torch.mean((1 - epsilon) * true + epsilon * others)


def label_smoothing_grad(logits, targets, epsilon):
    p = _log_probabilities(logits).exp()
    return torch.div(p - _scattered(logits, targets, epsilon), logits.shape[0])


def pytorch_epsilon(epsilon, num_classes):
    return epsilon * (1 + 1 / (num_classes - 1))
