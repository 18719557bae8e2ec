"""Preparing and augmenting images, on top of `torchvision.transforms.v2`.

Three kinds of things, told apart by when they act:

- *fitted* (`Centre`, `Standardise`, `Whiten`): statistics of the training images, applied to every part;
- *augmentation* (`CropFlipErase`, `ColourOffset`, `EachImage`, `Mixup`): random, in training only;
- *at test time* (`ten_crops`): several views of an image, whose predictions are averaged.
"""

from cnnlab.data.transforms.batch import CropFlipErase, chain, random_crop, random_erase, random_flip
from cnnlab.data.transforms.colour import ColourOffset
from cnnlab.data.transforms.fitted import Fitted, prepare
from cnnlab.data.transforms.library import EachImage, Mixup, WholeBatch
from cnnlab.data.transforms.scaling import Centre, Standardise
from cnnlab.data.transforms.views import SCALES, ten_crops
from cnnlab.data.transforms.whitening import Whiten

__all__ = [
    "SCALES",
    "Centre",
    "ColourOffset",
    "CropFlipErase",
    "EachImage",
    "Fitted",
    "Mixup",
    "Standardise",
    "Whiten",
    "WholeBatch",
    "chain",
    "prepare",
    "random_crop",
    "random_erase",
    "random_flip",
    "ten_crops",
]
