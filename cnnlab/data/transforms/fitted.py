"""What is learned from the training images alone and then applied to every image."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

import torch
from torch import Tensor, nn

from cnnlab.data.load import Dataset, Split
from cnnlab.errors import InputError


class Fitted(nn.Module):
    """A transform with statistics of the training images.

    It refuses to be fitted on anything else, and to be used before. The statistics are buffers: put in front
    of a network, `nn.Sequential(standardise, network)`, they move to its device, go into its checkpoints and
    come back with them; no optimizer changes them.
    """

    def _measure(self, images: Tensor) -> dict[str, Tensor]:
        """The statistics of (N, C, H, W) images in float64, by the names of the buffers."""
        raise NotImplementedError

    @property
    def is_fitted(self) -> bool:
        return next(self.buffers()).numel() > 0

    def fit(self, split: Split) -> Self:
        """Take the statistics of the training images; returns itself.

        Raises:
            InputError: `split` is not a training split, has no image, or holds numbers that are not finite.
        """
        images = training_images(split, type(self).__name__)
        # In float64: the sum over millions of pixels in float32 would lose digits.
        for name, value in self._measure(images.double()).items():
            setattr(self, name, value.to(images.dtype))
        return self

    def _require_fit(self) -> None:
        if not self.is_fitted:
            name = type(self).__name__
            raise InputError(f"{name} has no statistics yet; call fit(dataset.train), or load a checkpoint.")

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        # The shapes are the data's: those of the checkpoint are taken over, also by one that is not fitted.
        for name, value in list(self.named_buffers(recurse=False)):
            if (saved := state_dict.get(prefix + name)) is not None:
                setattr(self, name, value.new_empty(saved.shape))
        super()._load_from_state_dict(state_dict, prefix, *rest)


def training_images(split: object, name: str) -> Tensor:
    """The images of a training split; what `name` says if it is anything else."""
    if not isinstance(split, Split):
        given = type(split).__name__
        raise InputError(
            f"{name} is fitted on a training split, not on a {given}; give dataset.train, or say of images "
            "of your own that they are for training: Split(images, labels, part='train')."
        )
    if split.part != "train":
        given = f"a {split.part} split" if split.part else "a split of unknown origin"
        advice = "" if split.part else ", or say that it is one: Split(images, labels, part='train')"
        raise InputError(
            f"{name} may be fitted on the training split only, and this is {given}: statistics of images "
            f"that are meant to judge a network must not reach it. Give dataset.train{advice}."
        )
    if not len(split):
        raise InputError(f"{name} cannot be fitted: the training split has no image.")
    if not torch.isfinite(split.images).all():
        raise InputError(f"{name} cannot be fitted: the training images contain nan or infinite values.")
    return split.images


def prepare(dataset: Dataset, *transforms: Fitted | Callable[[Tensor], Tensor]) -> Dataset:
    """The dataset with every transform applied to all three parts, in order.

    Each `Fitted` transform is fitted first, on the training images as the transforms before it leave them.
    """
    for transform in transforms:
        if isinstance(transform, Fitted):
            transform.fit(dataset.train)
        train, validation, test = (
            replace(part, images=transform(part.images))
            for part in (dataset.train, dataset.validation, dataset.test)
        )
        dataset = replace(dataset, train=train, validation=validation, test=test)
    return dataset
