"""Wrong preprocessing that people write, made of the reference.

What draws takes one extra keyword, the draws of the answer under judgement, so that its numbers can be
compared; without it they are drawn.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from cnnlab import reference
from cnnlab.check.catalogue import Misconception

Tensor = torch.Tensor
Generator = torch.Generator | None


def _usable(replay: object, shape: tuple[int, ...], dtype: torch.dtype) -> bool:
    return isinstance(replay, Tensor) and tuple(replay.shape) == shape and replay.dtype == dtype


def _on(generator: Generator) -> torch.device:
    return torch.device("cpu") if generator is None else generator.device


def _draw_crops(n: int, padding: int, generator: Generator = None, *, offsets: Any = None) -> Tensor:
    drawn = reference.draw_crops(n, padding, generator)
    return offsets.to(drawn.device) if _usable(offsets, (n, 2), torch.int64) else drawn


def _draw_flips(n: int, p: float, generator: Generator = None, *, flips: Any = None) -> Tensor:
    drawn = reference.draw_flips(n, p, generator)
    return flips.to(drawn.device) if _usable(flips, (n,), torch.bool) else drawn


def _draw_rectangles(
    n: int,
    height: int,
    width: int,
    area: float,
    ratio: float,
    generator: Generator = None,
    *,
    rectangles: Any = None,
) -> Tensor:
    """Replays the places; the sizes follow from the arguments."""
    drawn = reference.draw_rectangles(n, height, width, area, ratio, generator)
    if _usable(rectangles, (n, 4), torch.int64):
        drawn[:, :2] = rectangles[:, :2].to(drawn.device)
    return drawn


RIGHT: dict[str, Callable[..., Any]] = {
    "fit_standardization": reference.fit_standardization,
    "standardize": reference.standardize,
    "draw_crops": _draw_crops,
    "crop": reference.crop,
    "draw_flips": _draw_flips,
    "flip": reference.flip,
    "draw_rectangles": _draw_rectangles,
    "erase": reference.erase,
    "mixup": reference.mixup,
    "rectangle_size": reference.rectangle_size,  # not a student's function; the cases use it
}
_AXES = (0, 2, 3)


def _one_pass(images: Tensor) -> Tensor:
    mean, square = images.mean(_AXES), images.square().mean(_AXES)
    return (square - mean.square()).clamp_min(0).sqrt()


def _fitted(change: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]) -> Callable[..., Any]:
    return lambda images: change(images, *reference.fit_standardization(images))


def _applied(change: Callable[[Tensor, Tensor, Tensor, float], Tensor]) -> Callable[..., Any]:
    """A standardisation that is change(images, mean, std, eps), the statistics as (C, 1, 1)."""

    def standardize(images: Tensor, mean: Tensor, std: Tensor, eps: float = 1e-6) -> Tensor:
        return change(images, mean[:, None, None], std[:, None, None], eps)

    return standardize


def _own_statistics(x: Tensor, mean: Tensor, std: Tensor, eps: float) -> Tensor:
    return reference.standardize(x, *reference.fit_standardization(x), eps)


def _along_width(x: Tensor, mean: Tensor, std: Tensor, eps: float) -> Tensor:
    return (x - mean[:, 0, 0]) / (std[:, 0, 0] + eps)


def _in_place(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda images, *rest, **named: images.copy_(function(images, *rest, **named))


def _padded(mode: str) -> Callable[..., Tensor]:
    """A crop of images that are padded in another way."""

    def crop(images: Tensor, padding: int, offsets: Tensor) -> Tensor:
        padded = F.pad(images, (padding,) * 4, mode=mode)
        return _windows(padded, images, offsets)

    return crop


def _windows(padded: Tensor, images: Tensor, offsets: Tensor) -> Tensor:
    """Windows of the images' size out of padded images."""
    height, width = images.shape[2:]
    return torch.stack(
        [padded[i, :, t : t + height, left : left + width] for i, (t, left) in enumerate(offsets.tolist())]
    )


def _cropped(change: Callable[[Tensor, int], Tensor]) -> Callable[..., Tensor]:
    """A right crop with change(offsets, padding) for the offsets."""
    return lambda images, padding, offsets: reference.crop(images, padding, change(offsets, padding))


def _mean_padding(images: Tensor, padding: int, offsets: Tensor) -> Tensor:
    mean = images.mean(_AXES)[:, None, None]
    return reference.crop(images - mean, padding, offsets) + mean


def _flipped(change: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """Where `flips` is True, change(images) instead of the mirror image."""
    return lambda images, flips: torch.where(flips[:, None, None, None], change(images, flips), images)


def _erased(change: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    """A right erasing of change(rectangles), as far as they lie in the image."""

    def erase(images: Tensor, rectangles: Tensor, value: float = 0.0) -> Tensor:
        result = images.clone()
        for i, (top, left, rows, columns) in enumerate(change(rectangles).tolist()):
            result[i, :, top : top + max(rows, 0), left : left + max(columns, 0)] = value
        return result

    return erase


def _outside(images: Tensor, rectangles: Tensor, value: float = 0.0) -> Tensor:
    inside = reference.erase(torch.zeros_like(images), rectangles, 1.0) == 1
    return torch.where(inside, images, torch.full_like(images, value))


def _mean_filled(images: Tensor, rectangles: Tensor, value: float = 0.0) -> Tensor:
    inside = reference.erase(torch.zeros_like(images), rectangles, 1.0) == 1
    return torch.where(inside, images.mean((1, 2, 3), keepdim=True), images)


def _first_channel(images: Tensor, rectangles: Tensor, value: float = 0.0) -> Tensor:
    return torch.cat([reference.erase(images[:, :1], rectangles, value), images[:, 1:]], dim=1)


def _places(change: Callable[..., Tensor]) -> dict[str, Callable[..., Any]]:
    """A drawing of rectangles that is change(right rectangles, generator, (height, width, area, ratio))."""

    def draw_rectangles(
        n: int,
        height: int,
        width: int,
        area: float,
        ratio: float,
        generator: Generator = None,
        *,
        rectangles: Any = None,
    ) -> Tensor:
        right = _draw_rectangles(n, height, width, area, ratio, generator, rectangles=rectangles)
        return change(right, generator, (height, width, area, ratio))

    return {"draw_rectangles": draw_rectangles}


def _sized(size: Callable[[int, int, float, float], tuple[float, float]]) -> dict[str, Callable[..., Any]]:
    """Rectangles of another size: size(height, width, area, ratio), rounded and limited."""

    def change(right: Tensor, generator: Generator, given: tuple[int, int, float, float]) -> Tensor:
        limits = given[:2]
        rows, columns = (min(max(round(s), 1), m) for s, m in zip(size(*given), limits, strict=True))
        return torch.cat([right[:, :2], right.new_tensor([[rows, columns]]).expand(len(right), 2)], dim=1)

    return _places(change)


def _not_limited(right: Tensor, generator: Generator, given: tuple[int, int, float, float]) -> Tensor:
    height, width, area, ratio = given
    rows = round((area * height * width * ratio) ** 0.5)
    columns = round((area * height * width / ratio) ** 0.5)
    return torch.cat([right[:, :2], right.new_tensor([[rows, columns]]).expand(len(right), 2)], dim=1)


def _placed(room: Callable[[int, int], int]) -> dict[str, Callable[..., Any]]:
    """Corners drawn below room(image side, rectangle side), never replayed."""

    def change(right: Tensor, generator: Generator, given: tuple[int, int, float, float]) -> Tensor:
        for axis in (0, 1):
            side = int(right[0, axis + 2]) if len(right) else 1
            many = max(room(int(given[axis]), side), 1)
            right[:, axis] = torch.randint(many, (len(right),), generator=generator, device=right.device)
        return right

    return _places(change)


def _same_rows(draws: Tensor) -> Tensor:
    return draws[:1].expand_as(draws).clone()


def _crops_drawn(draw: Callable[[int, int, Generator], Tensor]) -> dict[str, Callable[..., Any]]:
    """Offsets drawn by draw(n, padding, generator), never replayed."""
    return {"draw_crops": lambda n, padding, generator=None, offsets=None: draw(n, padding, generator)}


def _randint(low: int, high: int, n: int, generator: Generator) -> Tensor:
    """From low to high, both included."""
    return torch.randint(low, max(high, low) + 1, (n, 2), generator=generator, device=_on(generator))


def _flips_drawn(draw: Callable[[int, float, Generator], Tensor]) -> dict[str, Callable[..., Any]]:
    return {"draw_flips": lambda n, p, generator=None, flips=None: draw(n, p, generator)}


def _exact_share(n: int, p: float, generator: Generator) -> Tensor:
    return torch.randperm(n, generator=generator, device=_on(generator)) < round(p * n)


def _every_draw(other: Callable[[Generator], Generator]) -> dict[str, Callable[..., Any]]:
    """All three functions that draw, with other(generator) for the generator."""
    return {
        "draw_crops": lambda n, padding, generator=None, offsets=None: reference.draw_crops(
            n, padding, other(generator)
        ),
        "draw_flips": lambda n, p, generator=None, flips=None: reference.draw_flips(n, p, other(generator)),
        "draw_rectangles": lambda n, h, w, area, ratio, generator=None, rectangles=None: (
            reference.draw_rectangles(n, h, w, area, ratio, other(generator))
        ),
    }


def _seeded(generator: Generator) -> Generator:
    return torch.Generator(_on(generator)).manual_seed(0)


def _reseeded(generator: Generator) -> Generator:
    return generator and generator.manual_seed(generator.initial_seed())


def _global(generator: Generator) -> Generator:
    torch.manual_seed(int(torch.randint(2**31, (), generator=generator, device=_on(generator))))
    return None


def _mixed(
    images: Callable[..., Tensor] | None = None, labels: Callable[..., Tensor] | None = None
) -> dict[str, Callable[..., Any]]:
    """A mixup of which images(…) or labels(…) is something else; both take mixup's arguments."""

    def mixup(x: Tensor, y: Tensor, partners: Tensor, weights: Tensor, num_classes: int) -> Any:
        mixed, targets = reference.mixup(x, y, partners, weights, num_classes)
        given = (x, y, partners, weights, num_classes)
        return images(*given) if images else mixed, labels(*given) if labels else targets

    return {"mixup": mixup}


def _with(
    partners: Callable[[Tensor], Tensor] = lambda j: j, weights: Callable[[Tensor], Tensor] = lambda w: w
) -> tuple[Callable[..., Tensor], Callable[..., Tensor]]:
    """Images and labels of a mixup with other partners or weights."""

    def both(x: Tensor, y: Tensor, j: Tensor, w: Tensor, k: int) -> tuple[Tensor, Tensor]:
        return reference.mixup(x, y, partners(j), weights(w), k)

    return (lambda *given: both(*given)[0]), (lambda *given: both(*given)[1])


def _class_numbers(x: Tensor, y: Tensor, j: Tensor, w: Tensor, k: int) -> Tensor:
    return w * y + (1 - w) * y[j]


def _overwritten(x: Tensor, y: Tensor, j: Tensor, w: Tensor, k: int) -> Tensor:
    right = reference.mixup(x, y, j, w, k)[1]
    same = (y == y[j])[:, None]
    return torch.where(same, right * (1 - w.to(right))[:, None], right)


def _counted(x: Tensor, y: Tensor, j: Tensor, w: Tensor, k: int) -> Tensor:
    return reference.mixup(x, y, j, w, max(2, int(y.max()) + 1))[1]


def _wrong(name: str, title: str, why: str, parts: str, **functions: Any) -> Misconception:
    return Misconception(name, title, why, functions, tuple(parts.split()))


_COMPLEMENT = _with(weights=lambda w: 1 - w)
_FIRST_WEIGHT = _with(weights=lambda w: w[:1].expand_as(w))
_NEXT_DOOR = _with(partners=lambda j: torch.arange(len(j), device=j.device).flip(0))
_BACKWARDS = _with(partners=lambda j: j.argsort())
_ALONE = _with(partners=lambda j: torch.arange(len(j), device=j.device))

MISCONCEPTIONS = (
    _wrong(
        "unbiased_std",
        "the standard deviation was divided by m − 1",
        "It describes these images and estimates nothing: divide by m = N·H·W.",
        "fit",
        fit_standardization=lambda x: (x.mean(_AXES), x.std(_AXES)),
    ),
    _wrong(
        "variance_for_std",
        "the variance was returned for the standard deviation",
        "Dividing by the variance leaves a spread of 1/σ; take the root.",
        "fit",
        fit_standardization=_fitted(lambda x, mean, std: (mean, std.square())),
    ),
    _wrong(
        "std_about_zero",
        "the mean was not subtracted before squaring",
        "The standard deviation is about the mean, not about zero.",
        "fit",
        fit_standardization=_fitted(lambda x, mean, std: (mean, x.square().mean(_AXES).sqrt())),
    ),
    _wrong(
        "statistics_over_all",
        "one mean and one standard deviation were taken over all channels",
        "Each channel has its own: average over N, H and W only.",
        "fit",
        fit_standardization=lambda x: (x.mean(), x.std(correction=0)),
    ),
    _wrong(
        "statistics_per_pixel",
        "the statistics were taken for every pixel",
        "A channel's statistics are taken over all its pixels as well as over the images.",
        "fit",
        fit_standardization=lambda x: (x.mean(0), x.std(0, correction=0)),
    ),
    _wrong(
        "statistics_per_image",
        "every image got statistics of its own",
        "They are taken over the whole training set, so that images stay comparable.",
        "fit",
        fit_standardization=lambda x: (x.mean((2, 3)), x.std((2, 3), correction=0)),
    ),
    _wrong(
        "mean_of_stds",
        "the images' standard deviations were averaged",
        "That leaves out how the images' means differ; take one deviation over N, H and W.",
        "fit",
        fit_standardization=lambda x: (x.mean(_AXES), x.std((2, 3), correction=0).mean(0)),
    ),
    _wrong(
        "eps_in_std",
        "something was added to the standard deviation already here",
        "eps comes in where the statistics are applied, once.",
        "fit",
        fit_standardization=_fitted(lambda x, mean, std: (mean, std + 1e-6)),
    ),
    _wrong(
        "dimensions_kept",
        "the statistics have four dimensions",
        "The contract asks for (C,); make them broadcast where they are applied.",
        "fit",
        fit_standardization=_fitted(
            lambda x, mean, std: (mean[None, :, None, None], std[None, :, None, None])
        ),
    ),
    _wrong(
        "one_pass_std",
        "the standard deviation loses its digits when the mean is large",
        "E[x²] − E[x]² subtracts two nearly equal numbers; subtract the mean first, then square.",
        "fit",
        fit_standardization=_fitted(lambda x, mean, std: (mean, _one_pass(x))),
    ),
    _wrong(
        "own_statistics",
        "the images were standardised by their own statistics",
        "Validation and test images are treated with the training set's statistics, which are given.",
        "apply",
        standardize=_applied(_own_statistics),
    ),
    _wrong(
        "eps_missing",
        "eps is missing",
        "Without it a channel whose standard deviation is 0 divides by zero.",
        "apply",
        standardize=_applied(lambda x, mean, std, eps: (x - mean) / std),
    ),
    _wrong(
        "eps_under_a_root",
        "eps was added to the variance, under the root",
        "That is batch normalization's; here it is added to the standard deviation.",
        "apply",
        standardize=_applied(lambda x, mean, std, eps: (x - mean) / (std.square() + eps).sqrt()),
    ),
    _wrong(
        "divided_by_variance",
        "the images were divided by the variance",
        "Only the standard deviation has the unit of the values.",
        "apply",
        standardize=_applied(lambda x, mean, std, eps: (x - mean) / (std.square() + eps)),
    ),
    _wrong(
        "only_centred",
        "the images were not scaled",
        "After subtracting the mean, divide by the standard deviation plus eps.",
        "apply",
        standardize=_applied(lambda x, mean, std, eps: x - mean),
    ),
    _wrong(
        "only_scaled",
        "the mean was not subtracted",
        "Centre first, then scale.",
        "apply",
        standardize=_applied(lambda x, mean, std, eps: x / (std + eps)),
    ),
    _wrong(
        "scaled_first",
        "the mean was subtracted after the scaling",
        "The mean has the unit of the values as they come; subtract it before you divide.",
        "apply",
        standardize=_applied(lambda x, mean, std, eps: x / (std + eps) - mean),
    ),
    _wrong(
        "multiplied_by_std",
        "the images were multiplied by the standard deviation",
        "A channel with a wide spread is to shrink: divide.",
        "apply",
        standardize=_applied(lambda x, mean, std, eps: (x - mean) * (std + eps)),
    ),
    _wrong(
        "statistics_along_width",
        "the statistics were spread along the width",
        "A (C,) tensor broadcasts against the last dimension, W; give it the shape (C, 1, 1).",
        "apply",
        standardize=_applied(_along_width),
    ),
    _wrong(
        "in_place",
        "the input was overwritten",
        "The images are the data set; the next epoch needs them as they were.",
        "apply crop flip erase",
        standardize=_in_place(reference.standardize),
        crop=_in_place(reference.crop),
        flip=_in_place(reference.flip),
        erase=_in_place(reference.erase),
    ),
    _wrong(
        "padded_by_reflection",
        "the border was filled by reflection",
        "Here the padding is zeros.",
        "crop",
        crop=_padded("reflect"),
    ),
    _wrong(
        "padded_by_repetition",
        "the border repeats the outermost pixels",
        "Here the padding is zeros.",
        "crop",
        crop=_padded("replicate"),
    ),
    _wrong(
        "wrapped_around",
        "what leaves the image on one side comes back on the other",
        "Here the padding is zeros; rolling an image pads it with its other side.",
        "crop",
        crop=_padded("circular"),
    ),
    _wrong(
        "padded_with_mean",
        "the border was filled with the mean",
        "Here the padding is zeros, whatever the images hold.",
        "crop",
        crop=_mean_padding,
    ),
    _wrong(
        "padded_after_cropping",
        "the image was cropped first and padded afterwards",
        "Pad on every side first; the offsets count from the corner of the padded image.",
        "crop",
        crop=lambda x, padding, offsets: _windows(F.pad(x, (0, 2 * padding, 0, 2 * padding)), x, offsets),
    ),
    _wrong(
        "rows_and_columns_swapped",
        "rows and columns were swapped",
        "The first number of an offset, and of a rectangle, counts rows, the second columns.",
        "crop erase",
        crop=_cropped(lambda offsets, padding: offsets.flip(1)),
        erase=_erased(lambda r: r[:, [1, 0, 3, 2]]),
    ),
    _wrong(
        "one_crop_for_the_batch",
        "all images were cropped by the first offset",
        "Row i of the offsets belongs to image i.",
        "crop",
        crop=_cropped(lambda offsets, padding: _same_rows(offsets)),
    ),
    _wrong(
        "moved_the_other_way",
        "the image moved the other way",
        "The offset is where the window starts in the padded image; offset 0 shows the padding at the top.",
        "crop",
        crop=_cropped(lambda offsets, padding: 2 * padding - offsets),
    ),
    _wrong(
        "always_the_centre",
        "the images came back as they were",
        "Each window starts at its own offset; only (padding, padding) gives the image itself.",
        "crop",
        crop=lambda x, padding, offsets: x.clone(),
    ),
    _wrong(
        "not_cropped",
        "the padded image was returned whole",
        "The window has the original size, so that the network's input keeps its shape.",
        "crop",
        crop=lambda x, padding, offsets: F.pad(x, (padding,) * 4),
    ),
    _wrong(
        "last_offset_missing",
        "the last offset is never drawn",
        "There are 2·padding + 1 of them, 2·padding included; the upper end of randint is not.",
        "draw_crops",
        **_crops_drawn(lambda n, p, g: _randint(0, 2 * p - 1, n, g)),
    ),
    _wrong(
        "offsets_up_to_padding",
        "no offset beyond the padding is drawn",
        "The padding is on both sides, so the window can move by 2·padding.",
        "draw_crops",
        **_crops_drawn(lambda n, p, g: _randint(0, p, n, g)),
    ),
    _wrong(
        "offsets_centred",
        "offsets are drawn around 0",
        "They count from the corner of the padded image, so none is negative.",
        "draw_crops",
        **_crops_drawn(lambda n, p, g: _randint(-p, p, n, g)),
    ),
    _wrong(
        "ends_half_as_likely",
        "the first and the last offset are drawn half as often as the others",
        "Rounding a uniform number on [0, 2·padding] gives the ends half an interval each.",
        "draw_crops",
        **_crops_drawn(lambda n, p, g: (torch.rand(n, 2, generator=g, device=_on(g)) * 2 * p).round().long()),
    ),
    _wrong(
        "one_offset_for_the_batch",
        "all images get the same offset",
        "Draw one for each image: the batch is to show many positions.",
        "draw_crops",
        **_crops_drawn(lambda n, p, g: _same_rows(_randint(0, 2 * p, n, g))),
    ),
    _wrong(
        "row_equals_column",
        "row and column are not drawn independently",
        "One number for both moves the images along the diagonal only.",
        "draw_crops",
        **_crops_drawn(lambda n, p, g: _randint(0, 2 * p, n, g)[:, :1].expand(n, 2).clone()),
    ),
    _wrong(
        "offsets_are_floats",
        "the offsets are floating-point numbers",
        "They count pixels: int64.",
        "draw_crops",
        draw_crops=lambda n, p, generator=None, offsets=None: (
            offsets if isinstance(offsets, Tensor) else _draw_crops(n, p, generator)
        ).float(),
    ),
    _wrong(
        "flipped_upside_down",
        "the images were flipped upside down",
        "A horizontal flip reverses the columns, dimension 3.",
        "flip",
        flip=_flipped(lambda x, flips: x.flip(2)),
    ),
    _wrong(
        "rotated",
        "the images were turned by 180 degrees",
        "A horizontal flip reverses the columns only.",
        "flip",
        flip=_flipped(lambda x, flips: x.flip(2, 3)),
    ),
    _wrong(
        "all_flipped",
        "all images were flipped",
        "`flips` says for each image whether it is.",
        "flip",
        flip=lambda x, flips: reference.flip(x, torch.ones_like(flips)),
    ),
    _wrong(
        "none_flipped",
        "no image was flipped",
        "Where `flips` is True the image is mirrored.",
        "flip",
        flip=lambda x, flips: x.clone(),
    ),
    _wrong(
        "flips_inverted",
        "the images were flipped where `flips` is False",
        "True means flipped.",
        "flip",
        flip=lambda x, flips: reference.flip(x, ~flips),
    ),
    _wrong(
        "batch_reversed",
        "the order of the images was reversed",
        "Dimension 0 counts images; the columns are dimension 3. The labels would no longer fit.",
        "flip",
        flip=_flipped(lambda x, flips: x.flip(0)),
    ),
    _wrong(
        "channels_reversed",
        "the order of the channels was reversed",
        "Dimension 1 counts channels; the columns are dimension 3.",
        "flip",
        flip=_flipped(lambda x, flips: x.flip(1)),
    ),
    _wrong(
        "probability_inverted",
        "an image is flipped with probability 1 − p",
        "p is the probability of a flip: a uniform number is below p with probability p.",
        "draw_flips",
        **_flips_drawn(lambda n, p, g: reference.draw_flips(n, 1 - p, g)),
    ),
    _wrong(
        "always_one_half",
        "an image is flipped with probability ½ whatever p is",
        "Use the argument p.",
        "draw_flips",
        **_flips_drawn(lambda n, p, g: reference.draw_flips(n, p if p in (0, 1) else 0.5, g)),
    ),
    _wrong(
        "one_flip_for_the_batch",
        "all images of a batch are flipped, or none",
        "Draw for each image by itself.",
        "draw_flips",
        **_flips_drawn(lambda n, p, g: _same_rows(reference.draw_flips(n, p, g))),
    ),
    _wrong(
        "exact_share",
        "exactly the share p of the images is flipped",
        "The draws are then not independent; each image is flipped by its own draw.",
        "draw_flips",
        **_flips_drawn(_exact_share),
    ),
    _wrong(
        "flips_are_numbers",
        "the flips are numbers instead of True and False",
        "The contract asks for a bool tensor.",
        "draw_flips",
        draw_flips=lambda n, p, generator=None, flips=None: (
            flips if isinstance(flips, Tensor) else _draw_flips(n, p, generator)
        ).float(),
    ),
    _wrong(
        "erased_outside",
        "everything but the rectangle was erased",
        "The rectangle is what is covered; the rest stays.",
        "erase",
        erase=_outside,
    ),
    _wrong(
        "one_rectangle_for_all",
        "the first rectangle was used for all images",
        "Row i of the rectangles belongs to image i.",
        "erase",
        erase=_erased(_same_rows),
    ),
    _wrong(
        "filled_with_mean",
        "the rectangle was filled with the image's mean",
        "It is filled with `value`.",
        "erase",
        erase=_mean_filled,
    ),
    _wrong(
        "value_ignored",
        "the rectangle was filled with 0 whatever `value` is",
        "Use the argument; 0 is only its default.",
        "erase",
        erase=lambda x, rectangles, value=0.0: reference.erase(x, rectangles),
    ),
    _wrong(
        "one_channel_erased",
        "only the first channel was erased",
        "Something in front of the object covers all of its channels.",
        "erase",
        erase=_first_channel,
    ),
    _wrong(
        "sizes_taken_for_ends",
        "height and width were taken for the rectangle's end",
        "A rectangle is (top, left, height, width): it ends before top + height and left + width.",
        "erase",
        erase=_erased(lambda r: torch.cat([r[:, :2], r[:, 2:] - r[:, :2]], 1)),
    ),
    _wrong(
        "one_row_too_many",
        "the rectangle is one row and one column too large",
        "It ends before top + height, so the slice's end is top + height itself.",
        "erase",
        erase=_erased(lambda r: torch.cat([r[:, :2], r[:, 2:] + 1], 1)),
    ),
    _wrong(
        "one_row_too_few",
        "the rectangle is one row and one column too small",
        "The end of a slice is not part of it: it is top + height.",
        "erase",
        erase=_erased(lambda r: torch.cat([r[:, :2], r[:, 2:] - 1], 1)),
    ),
    _wrong(
        "area_of_each_side",
        "the area was taken as a share of each side",
        "Sides of a share s give an area of s²; take the root of area·H·W.",
        "draw_rectangles",
        **_sized(lambda h, w, a, r: (a * h * r**0.5, a * w / r**0.5)),
    ),
    _wrong(
        "ratio_inverted",
        "the ratio was taken as width / height",
        "It is height / width, so a ratio above 1 gives an upright rectangle.",
        "draw_rectangles",
        **_sized(lambda h, w, a, r: ((a * h * w / r) ** 0.5, (a * h * w * r) ** 0.5)),
    ),
    _wrong(
        "ratio_without_root",
        "the ratio stands outside the root",
        "Height √(s·r) and width √(s/r) have the ratio r; √s·r and √s/r have r².",
        "draw_rectangles",
        **_sized(lambda h, w, a, r: ((a * h * w) ** 0.5 * r, (a * h * w) ** 0.5 / r)),
    ),
    _wrong(
        "ratio_ignored",
        "the rectangles are squares whatever the ratio is",
        "Height is √(area·H·W·ratio), width √(area·H·W / ratio).",
        "draw_rectangles",
        **_sized(lambda h, w, a, r: ((a * h * w) ** 0.5,) * 2),
    ),
    _wrong(
        "size_truncated",
        "the sides were cut off to whole pixels instead of rounded",
        "int() rounds towards 0, so rectangles come out too small.",
        "draw_rectangles",
        **_sized(lambda h, w, a, r: (int((a * h * w * r) ** 0.5), int((a * h * w / r) ** 0.5))),
    ),
    _wrong(
        "size_not_limited",
        "a side is not limited to what the image has, or may be 0",
        "At least 1 pixel, at most the image's height or width.",
        "draw_rectangles",
        **_places(_not_limited),
    ),
    _wrong(
        "may_stick_out",
        "a rectangle may stick out of the image",
        "The corner is drawn from 0 to H − height and 0 to W − width.",
        "draw_rectangles",
        **_placed(lambda image, side: image),
    ),
    _wrong(
        "last_position_missing",
        "the last position is never drawn",
        "There are H − height + 1 rows to start in; the upper end of randint is not included.",
        "draw_rectangles",
        **_placed(lambda image, side: image - side),
    ),
    _wrong(
        "one_rectangle_for_the_batch",
        "all images get the same rectangle",
        "Draw a place for each image.",
        "draw_rectangles",
        **_places(lambda right, generator, given: _same_rows(right)),
    ),
    _wrong(
        "ends_for_sizes",
        "bottom and right were returned for height and width",
        "The contract's rectangle is (top, left, height, width).",
        "draw_rectangles",
        **_places(lambda right, generator, given: torch.cat([right[:, :2], right[:, :2] + right[:, 2:]], 1)),
    ),
    _wrong(
        "fixed_seed",
        "every call draws the same",
        "Then every epoch shows the same images; do not seed inside the function.",
        "draw_crops draw_flips draw_rectangles",
        **_every_draw(_seeded),
    ),
    _wrong(
        "generator_ignored",
        "the generator was not used",
        "Pass `generator` on to the call that draws, or nobody can repeat a run.",
        "draw_crops draw_flips draw_rectangles",
        **_every_draw(lambda generator: None),
    ),
    _wrong(
        "reseeds_generator",
        "the generator was seeded again inside the function",
        "The caller owns the generator; drawing from it moves it on, and the next call draws anew.",
        "draw_crops draw_flips draw_rectangles",
        **_every_draw(_reseeded),
    ),
    _wrong(
        "reseeds_globally",
        "the global random state was used or seeded, though a generator was given",
        "It changes what every other part of the program draws next; draw from `generator` alone.",
        "draw_crops draw_flips draw_rectangles",
        **_every_draw(_global),
    ),
    _wrong(
        "labels_not_mixed",
        "the labels were not mixed",
        "An image that is 30 % dog has a label that is 30 % dog.",
        "mixup",
        **_mixed(labels=_ALONE[1]),
    ),
    _wrong(
        "images_not_mixed",
        "the images were not mixed",
        "Images and labels are mixed with the same weights.",
        "mixup",
        **_mixed(images=_ALONE[0]),
    ),
    _wrong(
        "labels_mixed_the_other_way",
        "the labels were mixed with 1 − λ",
        "λ belongs to the image itself, in the labels as in the images.",
        "mixup",
        **_mixed(labels=_COMPLEMENT[1]),
    ),
    _wrong(
        "weights_inverted",
        "λ was given to the partner",
        "λ is the share of the image itself, 1 − λ that of its partner.",
        "mixup",
        **_mixed(*_COMPLEMENT),
    ),
    _wrong(
        "one_weight_for_the_batch",
        "all images were mixed with the first weight",
        "weights[i] belongs to image i; give it the shape (N, 1, 1, 1).",
        "mixup",
        **_mixed(*_FIRST_WEIGHT),
    ),
    _wrong(
        "partners_ignored",
        "the images were mixed with the batch in reverse",
        "The partner of image i is image partners[i].",
        "mixup",
        **_mixed(*_NEXT_DOOR),
    ),
    _wrong(
        "partners_backwards",
        "each image was mixed with the one whose partner it is",
        "images[partners] puts the partner of image i at place i.",
        "mixup",
        **_mixed(*_BACKWARDS),
    ),
    _wrong(
        "class_numbers_mixed",
        "the numbers of the classes were averaged",
        "Halfway between class 3 and class 7 is not class 5; mix one-hot vectors.",
        "mixup",
        **_mixed(labels=_class_numbers),
    ),
    _wrong(
        "equal_labels_overwritten",
        "where both images are of one class, its share is 1 − λ instead of 1",
        "The two shares add up; assigning the second overwrites the first.",
        "mixup",
        **_mixed(labels=_overwritten),
    ),
    _wrong(
        "classes_counted_from_labels",
        "the number of classes was read off the labels",
        "A batch need not hold the last class; use num_classes.",
        "mixup",
        **_mixed(labels=_counted),
    ),
)
