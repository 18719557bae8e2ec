def dropout_backward(grad_y, mask, p):
    # what was dropped gets no gradient
    if mask is None:
        return grad_y
    return grad_y * mask
