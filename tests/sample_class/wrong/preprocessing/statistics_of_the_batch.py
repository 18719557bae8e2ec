def standardize(images, mean, std, eps=1e-6):
    mean = images.mean((0, 2, 3), keepdim=True)
    return (images - mean) / (((images - mean) ** 2).mean((0, 2, 3), keepdim=True).sqrt() + eps)
