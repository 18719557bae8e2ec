import torch


def label_smoothing_grad(logits, targets, epsilon):
    K = logits.shape[1]
    z = logits - logits.max(1, keepdim=True).values
    q = torch.exp(z) / torch.exp(z).sum(1, keepdim=True)
    smooth = torch.full_like(logits, epsilon / (K - 1))
    smooth[torch.arange(len(targets)), targets] = 1 - epsilon
    return q - smooth
