"""torchvision's own transforms in our training loop: one image at a time, or mixing a batch.

torchvision draws from torch's global generator. Here it draws from the training's own: the global one is
seeded from it for the duration of a call and put back.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from cnnlab.data.arguments import refused, whole


@contextmanager
def drawn_from(generator: torch.Generator) -> Iterator[None]:
    """Seed torch's global generator on the CPU with a number that `generator` draws; then put it back."""
    seed = torch.randint(2**63 - 1, (), generator=generator, device=generator.device).item()
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(seed))
        yield


class EachImage:
    """Apply a transform of `torchvision.transforms.v2` to every image of a batch, each with its own draw.

    For `fit(augment=…)`: `EachImage(v2.Compose([v2.ColorJitter(0.2, 0.2), v2.RandomRotation(10)]))`, or
    `EachImage(v2.AutoAugment(v2.AutoAugmentPolicy.CIFAR10))`. All images must come out in one size. Slower
    than a batch at once; `benchmarks/augmentation.py` measures by how much.
    """

    def __init__(self, transform: Callable[[Tensor], Tensor]) -> None:
        self.transform = transform

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        with drawn_from(generator):
            return torch.stack([self.transform(image) for image in images])


class WholeBatch:
    """Apply a transform of torchvision to the batch as one: a single draw for all images.

    A mistake for augmentation, here to be studied; right for what draws nothing.
    """

    def __init__(self, transform: Callable[[Tensor], Tensor]) -> None:
        self.transform = transform

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        with drawn_from(generator):
            return self.transform(images)


class Mixup:
    """Convex mixes of images and of their labels, for `fit(mix=…)`, by `torchvision.transforms.v2.MixUp`.

    One λ ~ Beta(α, α) per batch: λ·x + (1 − λ)·x′, and the same for the one-hot labels, x′ being the image
    before x in the batch, which is in random order.

    Args:
        alpha: α, above 0; 0.2 is usual on ImageNet, 1 on CIFAR-10 (λ uniform).
        classes: K.

    Source: Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization".
    """

    def __init__(self, alpha: float = 0.2, classes: int = 10) -> None:
        if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not alpha > 0:
            raise refused("alpha", alpha, "a number above 0")
        self.alpha, self.classes = float(alpha), whole("classes", classes, 2)

    def __call__(self, images: Tensor, labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """(N, C, H, W) and (N,) to (N, C, H, W) and (N, K)."""
        from torchvision.transforms import v2  # late: torchvision takes seconds to import

        mix: Any = v2.MixUp(alpha=self.alpha, num_classes=self.classes)
        with drawn_from(generator):
            mixed: tuple[Tensor, Tensor] = mix(images, labels)
        return mixed
