"""The two colour photographs that are installed with scikit-learn."""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from cnnlab.data.arguments import whole
from cnnlab.errors import unknown

PHOTOGRAPHS = ("china", "flower")


def photograph(name: str = "flower", width: int = 96) -> Tensor:
    """A photograph as (3, H, W) float32 in [0, 1], three wide for two high, made smaller by averaging.

    Args:
        name: "china", a temple under a blue sky, or "flower", a red dahlia.
        width: in pixels, at most 640.

    Source: `sklearn.datasets.load_sample_images`; photographs by Matthias Trischler, CC BY 2.0.
    """
    if name not in PHOTOGRAPHS:
        raise unknown("photograph", name, PHOTOGRAPHS)
    width = whole("width", width, 3)
    return F.interpolate(_full(name), size=(round(width * 2 / 3), width), mode="area")[0]


@lru_cache(maxsize=2)
def _full(name: str) -> Tensor:
    from sklearn.datasets import load_sample_image

    return torch.from_numpy(load_sample_image(f"{name}.jpg").copy()).permute(2, 0, 1)[None] / 255
