"""Several views of a test image: five scales, and at each the four corners, the centre and their mirrors."""

from collections.abc import Iterator, Sequence

from torch import Tensor

from cnnlab.data.arguments import refused, whole

# Short side of the resized image over the side of the crop: 224, 256, 384, 480 and 640 pixels for a crop of
# 224. Source: He et al. 2016, "Deep Residual Learning for Image Recognition", section 3.4.
SCALES = tuple(side / 224 for side in (224, 256, 384, 480, 640))


def ten_crops(
    images: Tensor, *, crop: int | None = None, scales: Sequence[float] = (1.0,)
) -> Iterator[Tensor]:
    """Ten crops of every image at every scale, one view of all images at a time.

    Args:
        images: (N, C, H, W).
        crop: side of the crops, that of the images in training; the short side of `images` unless given.
        scales: short side of the resized images over `crop`, at least 1; `SCALES` has ResNet's five.

    Yields:
        10 · len(scales) times (N, C, crop, crop). At scale 1 a square image has only two different views.
    """
    from torchvision.transforms.v2 import functional as F

    side = whole("crop", min(images.shape[-2:]) if crop is None else crop, 1)
    if not len(scales) or not all(scale >= 1 for scale in scales):
        raise refused("scales", scales, "numbers of at least 1, one or more")
    for scale in scales:
        resized = F.resize(images, [round(scale * side)], antialias=True)
        yield from F.ten_crop(resized, [side, side])
