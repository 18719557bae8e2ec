def early_stopping(losses, patience, min_delta=0.0):
    best, waited = losses[0], 0
    for epoch, loss in enumerate(losses[1:], start=2):
        waited = 0 if loss < best - min_delta else waited + 1
        best = min(best, loss) if waited == 0 else best
        if waited == patience:
            return epoch, epoch
    return len(losses), None
