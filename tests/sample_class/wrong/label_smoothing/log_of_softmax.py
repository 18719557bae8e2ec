import torch


def label_smoothing_loss(logits, targets, epsilon):
    K = logits.shape[1]
    probabilities = torch.exp(logits) / torch.exp(logits).sum(1, keepdim=True)
    smooth = torch.full_like(logits, epsilon / (K - 1))
    smooth[torch.arange(len(targets)), targets] = 1 - epsilon
    return -(smooth * torch.log(probabilities)).sum(1).mean()
