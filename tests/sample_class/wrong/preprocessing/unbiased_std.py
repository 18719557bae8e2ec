def fit_standardization(images):
    return images.mean((0, 2, 3)), images.std((0, 2, 3))
