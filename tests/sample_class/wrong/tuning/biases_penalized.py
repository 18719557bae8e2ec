def penalized_loss(loss, parameters, strength):
    return loss + strength * sum(p.abs().sum() for p in parameters)
