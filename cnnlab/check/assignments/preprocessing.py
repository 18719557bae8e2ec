"""Assignment 5, preprocessing and augmentation: what is asked, for how many points."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from cnnlab.check import chance
from cnnlab.check.assignments.drawing import FEW, MANY, Drawing, Inspect, cases, one_at_a_time, one_call
from cnnlab.check.catalogue import Assignment, Call, Case, Part
from cnnlab.check.compare import Wrong
from cnnlab.check.draw import Draw
from cnnlab.check.misconceptions.preprocessing import MISCONCEPTIONS, RIGHT
from cnnlab.check.values import Argument, Layout
from cnnlab.check.watch import Ban


@dataclass(frozen=True)
class Setting:
    """A batch of images."""

    shape: tuple[int, int, int, int]
    dtype: torch.dtype = torch.float32
    layout: Layout = "contiguous"
    mean: float = 0.4
    std: float = 1.2
    relu: bool = False
    note: str = ""

    @property
    def conditioning(self) -> float:
        """How much a large offset amplifies rounding."""
        return max(1.0, abs(self.mean) / self.std / 10)

    def title(self, more: str = "") -> str:
        return ", ".join(part for part in (f"images {self.shape}", self.note, more) if part)


_SETTINGS = (
    Setting((5, 3, 4, 6)),
    Setting((4, 2, 5, 3), torch.float64, "transposed"),
    Setting((6, 3, 3, 3), torch.float64, "strided", note="C = H = W"),
    Setting((3, 3, 4, 5), layout="expanded", note="all images equal"),
    Setting((1, 3, 4, 4), note="one image"),
    Setting((4, 1, 6, 5), note="one channel"),
    Setting((3, 3, 7, 2), torch.float64, std=300.0, note="large values"),
)


def _images(setting: Setting, draw: Draw, device: torch.device) -> Argument:
    """Images whose channels differ in mean and spread."""
    n, c, h, w = setting.shape
    images = draw.normal(n, c, h, w, dtype=torch.float64, device=device)
    shift, scale = (draw.normal(c, 1, 1, device=device) for _ in range(2))
    images = setting.mean + setting.std * (images * (scale.abs() + 0.5) + shift)
    images = images.relu() if setting.relu else images
    if setting.layout == "expanded":
        images = images[:1].expand_as(images).clone()
    return Argument(images.to(setting.dtype), setting.layout)


def _fit(draw: Draw, device: torch.device) -> Iterator[Case]:
    tiny = Setting((4, 2, 3, 3), torch.float64, std=1e-4, note="tiny spread")
    single = Setting((1, 3, 1, 1), note="a single pixel")
    offsets = (
        Setting((6, 3, 5, 5), mean=3000.0, std=1.0, note="large offset"),
        Setting((6, 3, 5, 5), torch.float64, mean=1e8, std=1.0, note="large offset"),
    )
    for setting in (*_SETTINGS, tiny, single):
        yield _fit_case(setting, _images(setting, draw, device))
    for offset in offsets:
        yield _fit_case(offset, _images(offset, draw, device), "one_pass_std")


def _fit_case(setting: Setting, images: Argument, suspect: str | None = None) -> Case:
    def run(call: Call) -> dict[str, Any]:
        mean, std = call("fit_standardization", images, returns=("mean", "std"))
        return {"mean": mean, "std": std}

    return Case(setting.title(), run, setting.dtype, magnify=setting.conditioning, suspect=suspect)


def _apply(draw: Draw, device: torch.device) -> Iterator[Case]:
    # C = H = W first: only there do statistics along a wrong dimension give numbers at all.
    for setting in (_SETTINGS[2], *_SETTINGS):
        yield _apply_case(setting, draw, device, eps=0.1)
    yield _apply_case(Setting((3, 2, 4, 3), torch.float64), draw, device, eps=0.0, note="no eps")
    narrow = Setting((3, 2, 4, 3), torch.float64, mean=0.0, std=0.02)
    yield _apply_case(narrow, draw, device, scale=1e-4, note="nothing but the tensors given")
    yield _apply_case(narrow, draw, device, scale=0.0, eps=0.7, note="std is 0")


def _apply_case(
    setting: Setting,
    draw: Draw,
    device: torch.device,
    eps: float | None = None,
    scale: float = 1.0,
    note: str = "",
) -> Case:
    """With statistics of other images than these; eps of None is left to the default."""
    images, channels = _images(setting, draw, device), setting.shape[1]
    where: dict[str, Any] = {"dtype": setting.dtype, "device": device}
    mean = Argument(draw.normal(channels, mean=0.3, **where) * setting.std)
    std = Argument((draw.normal(channels, **where).abs() + 0.4) * setting.std * scale)
    named: dict[str, Any] = {} if eps is None else {"eps": eps}

    def run(call: Call) -> dict[str, Any]:
        return {"y": call("standardize", images, mean, std, returns=("y",), **named)}

    title = setting.title(note or f"eps = {eps}")
    suspect = None if scale else "eps_missing"
    return Case(title, run, setting.dtype, magnify=setting.conditioning, suspect=suspect)


def _integers(rows: Sequence[Sequence[int]] | Sequence[int], device: torch.device) -> Argument:
    return Argument(torch.tensor(rows, dtype=torch.int64, device=device))


def _crop(draw: Draw, device: torch.device) -> Iterator[Case]:
    for setting, padding in zip(_SETTINGS, (2, 1, 2, 2, 3, 1, 1), strict=True):
        rows = [[draw.integer(0, 2 * padding) for _ in range(2)] for _ in range(setting.shape[0])]
        yield _crop_case(setting, padding, rows, draw, device)
    corners = [[0, 0], [0, 4], [4, 0], [4, 4], [2, 2]]
    yield _crop_case(Setting((5, 2, 4, 3), note="every corner"), 2, corners, draw, device)
    yield _crop_case(Setting((2, 3, 4, 5)), 0, [[0, 0], [0, 0]], draw, device)
    wide = [[draw.integer(0, 10), draw.integer(0, 10)] for _ in range(4)]
    yield _crop_case(Setting((4, 2, 3, 4), note="padding wider than the image"), 5, wide, draw, device)


def _crop_case(
    setting: Setting, padding: int, offsets: list[list[int]], draw: Draw, device: torch.device
) -> Case:
    images, given = _images(setting, draw, device), _integers(offsets, device)

    def run(call: Call) -> dict[str, Any]:
        return {"y": call("crop", images, padding, given, returns=("y",))}

    return Case(setting.title(f"padding = {padding}, offsets = {offsets}"), run, setting.dtype)


def _draw_crops(draw: Draw, device: torch.device) -> Iterator[Case]:
    yield from cases(_crops(MANY, 2), _crops(FEW, 2), draw, device)
    for n, padding in ((MANY, 4), (MANY, 1), (1, 2), (0, 3), (6, 0)):
        yield one_call(_crops(n, padding), draw, device, f"n = {n}, padding = {padding}")
    yield one_at_a_time(_crops(1, 2), draw, device, _unrelated_axes(5, "row_equals_column"))


def _unrelated_axes(size: int, suspect: str | None) -> Inspect:
    """For pairs (and more) drawn one at a time: the first number of each says nothing about the second."""

    def inspect(drawn: torch.Tensor) -> None:
        text = "in calls for one image each, the two positions"
        chance.unrelated(drawn[:, 0], drawn[:, 1], 1 / size, text, suspect)

    return inspect


def _crops(n: int, padding: int) -> Drawing:
    size = 2 * padding + 1

    def suspects(counts: Sequence[int]) -> str | None:
        if not any(counts[padding + 1 :]):
            return "offsets_up_to_padding"
        if counts[-1] == 0:
            return "last_offset_missing"
        halved = all(
            chance.plausible(end, sum(counts), 1 / (2 * size - 2)) for end in (counts[0], counts[-1])
        )
        return "ends_half_as_likely" if halved else None

    def inspect(offsets: torch.Tensor) -> None:
        negative = "offsets_centred" if bool((offsets < 0).any()) else None
        chance.within(offsets, 0, 2 * padding, "offset", suspect=negative)
        if n < MANY or not padding:
            return
        _not_shared(offsets, "offsets", "one_offset_for_the_batch")
        row, column = offsets.unbind(1)
        chance.uniform(row, size, "row", suspects)
        chance.uniform(column, size, "column", suspects)
        text = "row and column"
        chance.unrelated(row, column, 1 / size, text, "row_equals_column")
        chance.uniform(row * size + column, size**2, "row and column together as number", lambda _: None)
        for values, what in ((row, "rows"), (column, "columns")):
            chance.no_neighbours(values, 1 / size, what, "one_offset_for_the_batch")
        for lag in chance.lags(n):
            for one, other in ((row, column), (column, row)):
                chance.unrelated(
                    one[lag:], other[:-lag], 1 / size, f"row and column of images {lag} apart", None
                )
        chance.unrelated(row, column.flip(0), 1 / size, "rows and the columns in reverse", None)

    return Drawing("draw_crops", (n, padding), "offsets", lambda o: o[:, 0], 1 / size, inspect)


def _not_shared(draws: torch.Tensor, what: str, suspect: str) -> None:
    if bool((draws == draws[:1]).all()):
        raise Wrong("randomness", f"every image has the same {what}.", suspect=suspect)


def _flip(draw: Draw, device: torch.device) -> Iterator[Case]:
    for setting in _SETTINGS:
        flips = draw.mask(setting.shape[0], keep=0.5)
        flips[0], flips[-1] = True, setting.shape[0] == 1
        yield _flip_case(setting, flips.tolist(), draw, device)
    for every in (True, False):
        yield _flip_case(Setting((3, 2, 3, 4)), [every] * 3, draw, device)


def _flip_case(setting: Setting, flips: list[bool], draw: Draw, device: torch.device) -> Case:
    images, given = _images(setting, draw, device), Argument(torch.tensor(flips, device=device))

    def run(call: Call) -> dict[str, Any]:
        return {"y": call("flip", images, given, returns=("y",))}

    return Case(setting.title(f"flips = {flips}"), run, setting.dtype)


def _draw_flips(draw: Draw, device: torch.device) -> Iterator[Case]:
    yield from cases(_flips(MANY, 0.3), _flips(FEW, 0.3), draw, device)
    for n, p in ((MANY, 0.8), (MANY, draw.uniform(0.1, 0.4)), (MANY, 0.5), (50, 0.0), (50, 1.0), (0, 0.5)):
        yield one_call(_flips(n, p), draw, device, f"n = {n}, p = {p}")
    # A p that is rounded somewhere on its way would be another.
    yield one_call(_flips(6 * MANY, 0.004), draw, device, f"n = {6 * MANY}, p = 0.004")
    yield _fraction_case(draw, device)


def _flips(n: int, p: float) -> Drawing:
    def inspect(flips: torch.Tensor) -> None:
        if n >= MANY:
            _not_shared(flips, "flip", "one_flip_for_the_batch")
            others = {"probability_inverted": 1 - p, "always_one_half": 0.5}
            suspect = next((name for name, other in others.items() if _near(flips, other)), None)
            chance.rate(flips, p, "flips", suspect)
            chance.no_neighbours(flips, p * p + (1 - p) * (1 - p), "flips", "one_flip_for_the_batch")
        else:
            chance.rate(flips, p, "flips", "probability_inverted" if _near(flips, 1 - p) else None)

    return Drawing("draw_flips", (n, p), "flips", lambda f: f, p * p + (1 - p) * (1 - p), inspect)


def _near(flips: torch.Tensor, p: float) -> bool:
    try:
        chance.rate(flips, p, "", None)
    except Wrong:
        return False
    return True


def _fraction_case(draw: Draw, device: torch.device) -> Case:
    drawing, seed = _flips(64, 0.5), draw.seed()

    def run(call: Call) -> dict[str, Any]:
        return drawing.ask(call, [call.generator(seed, device)] * 40)

    def inspect(outputs: dict[str, Any]) -> None:
        counts = [int(drawing.got(outputs, number).sum()) for number in range(1, 41)]
        chance.free_count(counts, 64, 0.5, "draw_flips drew True", "exact_share")

    return Case("forty calls with one generator", run, inspect=inspect)


def _erase(draw: Draw, device: torch.device) -> Iterator[Case]:
    for number, setting in enumerate(_SETTINGS):
        rectangles = [_rectangle(draw, *setting.shape[2:]) for _ in range(setting.shape[0])]
        yield _erase_case(setting, rectangles, draw, device, [None, 0.5, -1.25][number % 3])
    whole = [[0, 0, 4, 3], [3, 2, 1, 1], [0, 1, 4, 1], [1, 0, 2, 3]]
    setting = Setting((4, 2, 4, 3), torch.float64, note="the whole image, a corner, a column, rows")
    yield _erase_case(setting, whole, draw, device, draw.uniform(1.0, 2.0))
    dark = Setting((4, 2, 4, 3), mean=0.0, relu=True, note="many pixels are exactly 0")
    yield _erase_case(dark, whole, draw, device, 0.5)


def _rectangle(draw: Draw, height: int, width: int) -> list[int]:
    """One that fits and, where the image allows it, is not square and leaves something."""
    rows, columns = draw.integer(1, max(1, height - 2)), draw.integer(1, max(1, width - 1))
    return [draw.integer(0, height - rows), draw.integer(0, width - columns), rows, columns]


def _erase_case(
    setting: Setting, rectangles: list[list[int]], draw: Draw, device: torch.device, value: float | None
) -> Case:
    images, given = _images(setting, draw, device), _integers(rectangles, device)
    named: dict[str, Any] = {} if value is None else {"value": value}

    def run(call: Call) -> dict[str, Any]:
        return {"y": call("erase", images, given, returns=("y",), **named)}

    return Case(setting.title(f"rectangles = {rectangles}"), run, setting.dtype)


# (height, width, area, ratio): none of the sides is within 0.01 of a half, where rounding could differ.
_SIZES = (
    (20, 24, 0.2, 0.4),
    (24, 16, 0.15, 2.2),
    (12, 12, 0.25, 1.0),
    (32, 20, 0.1, 3.0),
    (9, 30, 0.3, 0.5),
    (5, 6, 0.06, 1.3),  # an area of 1.8 pixels, which is no whole number
    (4, 7, 0.05, 1.7),
)
_LIMITED = ((8, 20, 0.4, 3.3), (20, 6, 0.5, 0.3), (10, 10, 0.0, 1.0), (6, 7, 1.0, 1.2))


def _draw_rectangles(draw: Draw, device: torch.device) -> Iterator[Case]:
    yield from cases(_rectangles(MANY, *_SIZES[0]), _rectangles(FEW, *_SIZES[0]), draw, device)
    for size in _SIZES:
        yield one_call(_rectangles(MANY, *size), draw, device, _size_title(MANY, size))
    for size in _LIMITED:
        case = one_call(_rectangles(50, *size), draw, device, _size_title(50, size))
        yield Case(case.title, case.run, inspect=case.inspect, suspect="size_not_limited")
    yield one_call(_rectangles(0, *_SIZES[0]), draw, device, "n = 0")
    yield one_at_a_time(_rectangles(1, *_SIZES[0]), draw, device)
    # As many places from top to bottom as from left to right, so that one could stand for the other.
    square = _rectangles(1, 12, 12, 0.25, 1.0)
    yield one_at_a_time(square, draw, device, _unrelated_axes(round(1 / square.chance), None))


def _size_title(n: int, size: tuple[int, int, float, float]) -> str:
    return "n = {}, image {} × {}, area = {}, ratio = {}".format(n, *size)


def _rectangles(n: int, height: int, width: int, area: float, ratio: float) -> Drawing:
    right = RIGHT["rectangle_size"](height, width, area, ratio)
    places = height - right[0] + 1, width - right[1] + 1

    def suspects(counts: Sequence[int]) -> str | None:
        return "last_position_missing" if counts[-1] == 0 else None

    def inspect(rectangles: torch.Tensor) -> None:
        for axis, what in enumerate(("top", "left")):
            chance.within(rectangles[:, axis], 0, places[axis] - 1, what, suspect="may_stick_out")
        if n < MANY:
            return
        _not_shared(rectangles, "rectangle", "one_rectangle_for_the_batch")
        top, left = rectangles[:, 0], rectangles[:, 1]
        chance.uniform(top, places[0], "top", suspects)
        chance.uniform(left, places[1], "left", suspects)
        chance.uniform(top * places[1] + left, places[0] * places[1], "place", lambda _: None)
        for values, many, what in ((top, places[0], "tops"), (left, places[1], "lefts")):
            chance.no_neighbours(values, 1 / many, what, "one_rectangle_for_the_batch")

    args = (n, height, width, area, ratio)
    return Drawing("draw_rectangles", args, "rectangles", lambda r: r[:, 0], 1 / places[0], inspect)


def _mixup(draw: Draw, device: torch.device) -> Iterator[Case]:
    settings = (Setting((6, 2, 3, 4)), *_SETTINGS[:4])
    for setting, classes in zip(settings, (5, 4, 10, 3, 6), strict=True):
        n = setting.shape[0]
        labels = draw.integers(n, classes).tolist()
        labels[0] = labels[1] = 0  # image 0 and its partner are of one class; the last class may not occur
        partners = [(i + 1) % n for i in range(n)]
        weights = [draw.uniform(0.05, 0.95) for _ in range(n)]
        yield _mixup_case(setting, classes, labels, partners, weights, draw, device)
    ends, labels = Setting((4, 3, 4, 4), torch.float64, note="weights 0 and 1"), [2, 0, 1, 1]
    yield _mixup_case(ends, 3, labels, [1, 2, 2, 0], [0.0, 1.0, 0.25, 0.5], draw, device)
    yield _mixup_case(Setting((1, 3, 4, 4), note="one image"), 3, [1], [0], [0.25], draw, device)
    vast = Setting((3, 2, 3, 4), torch.float64, mean=0.0, std=1e60, note="values beyond float32")
    yield _mixup_case(vast, 3, [1, 0, 2], [1, 2, 0], [0.25, 0.5, 0.7], draw, device)


def _mixup_case(
    setting: Setting,
    classes: int,
    labels: list[int],
    partners: list[int],
    weights: list[float],
    draw: Draw,
    device: torch.device,
) -> Case:
    images = _images(setting, draw, device)
    share = Argument(torch.tensor(weights, dtype=setting.dtype, device=device))
    given = (_integers(labels, device), _integers(partners, device), share)

    def run(call: Call) -> dict[str, Any]:
        mixed, targets = call("mixup", images, *given, classes, returns=("mixed", "targets"))
        return {"mixed": mixed, "targets": targets}

    # One-hot labels and weights may meet in float32 before they meet the images.
    slack = 1e3 if setting.dtype == torch.float64 else 1.0
    return Case(setting.title(f"labels = {labels}, partners = {partners}"), run, setting.dtype, magnify=slack)


_CENTRE = 'the chapter "Centre, scale, whiten" of the course book'
_MIXING = 'the chapter "Erasing, mixing, learned policies" of the course book'
_NORMALISATION = r"normalize|batch_norm|layer_norm|group_norm|instance_norm"
_CROP, _FLIP, _ERASE = (
    "crop|Crop|get_params",
    "horizontal_flip|HorizontalFlip|hflip",
    "erase|Erasing|get_params",
)

ASSIGNMENT = Assignment(
    name="preprocessing",
    read='the chapter "Augmentation that keeps labels true" of the course book',
    right=RIGHT,
    parts=(
        Part("fit", 1, ("fit_standardization",), _fit, Ban(_NORMALISATION), _CENTRE),
        Part("apply", 1, ("standardize",), _apply, Ban(_NORMALISATION), _CENTRE),
        Part("draw_crops", 1, ("draw_crops",), _draw_crops, Ban(_CROP)),
        Part("crop", 1, ("crop",), _crop, Ban(_CROP)),
        Part("draw_flips", 1, ("draw_flips",), _draw_flips, Ban(_FLIP)),
        Part("flip", 1, ("flip",), _flip, Ban(_FLIP)),
        Part("draw_rectangles", 1, ("draw_rectangles",), _draw_rectangles, Ban(_ERASE), _MIXING),
        Part("erase", 1, ("erase",), _erase, Ban(_ERASE), _MIXING),
        Part("mixup", 2, ("mixup",), _mixup, Ban("mixup|mix_up|MixUp"), _MIXING),
    ),
    misconceptions=MISCONCEPTIONS,
)
