def penalized_loss(loss, parameters, strength):
    return loss + strength * sum(p.abs().sum().item() for p in parameters if p.ndim > 1)
