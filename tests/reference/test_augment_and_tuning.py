"""Augmentations, schedules, search and early stopping against libraries that we did not write."""

import math
import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.stats import kstest, loguniform
from sklearn.preprocessing import StandardScaler
from torchvision.transforms.v2 import functional as vision

from cnnlab import reference

DTYPES = [torch.float32, torch.float64]


def images(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64).to(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_standardization_as_scikit_learns(dtype: torch.dtype) -> None:
    train, test = images(6, 3, 4, 5, dtype=dtype) * 2 + 1, images(2, 3, 4, 5, dtype=dtype)
    mean, std = reference.fit_standardization(train)
    scaler = StandardScaler().fit(train.movedim(1, 3).reshape(-1, 3).numpy())
    np.testing.assert_allclose(mean, scaler.mean_, rtol=1e-5)
    np.testing.assert_allclose(std, scaler.scale_, rtol=1e-5)
    theirs = scaler.transform(test.movedim(1, 3).reshape(-1, 3).numpy()).reshape(2, 4, 5, 3)
    ours = reference.standardize(test, mean, std, eps=0.0)
    np.testing.assert_allclose(ours.movedim(1, 3), theirs, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(ours, vision.normalize(test, mean.tolist(), std.tolist()))


def test_a_constant_channel_becomes_zero() -> None:
    x = torch.full((3, 1, 2, 2), 0.25)
    assert torch.equal(reference.standardize(x, *reference.fit_standardization(x)), torch.zeros_like(x))


@pytest.mark.parametrize("padding", [0, 1, 4])
def test_crop_and_flip_and_erase_as_torchvisions(padding: int) -> None:
    x, generator = images(6, 2, 4, 5), torch.Generator().manual_seed(0)
    offsets = reference.draw_crops(6, padding, generator)
    theirs = [
        vision.crop(vision.pad(image, [padding]), top, left, 4, 5)
        for image, (top, left) in zip(x, offsets.tolist(), strict=True)
    ]
    assert torch.equal(reference.crop(x, padding, offsets), torch.stack(theirs))
    flips = reference.draw_flips(6, 0.5, generator)
    theirs = [vision.horizontal_flip(image) if f else image for image, f in zip(x, flips, strict=True)]
    assert torch.equal(reference.flip(x, flips), torch.stack(theirs))
    rectangles = reference.draw_rectangles(6, 4, 5, 0.3, 1.5, generator)
    fill = torch.tensor(0.5, dtype=x.dtype)
    theirs = [vision.erase(image, *r, fill) for image, r in zip(x, rectangles.tolist(), strict=True)]
    assert torch.equal(reference.erase(x, rectangles, 0.5), torch.stack(theirs))


def test_a_rectangle_has_the_area_and_the_ratio_that_were_asked_for() -> None:
    rows, columns = reference.rectangle_size(1000, 2000, 0.1, 0.5)
    assert rows * columns == pytest.approx(0.1 * 1000 * 2000, rel=0.01)
    assert rows / columns == pytest.approx(0.5, rel=0.01)
    assert reference.rectangle_size(8, 20, 0.4, 50.0)[0] == 8
    assert reference.rectangle_size(8, 20, 0.0, 1.0) == (1, 1)


def test_mixup_written_out() -> None:
    x, labels = images(3, 1, 2, 2), torch.tensor([2, 0, 2])
    weights = torch.tensor([0.25, 1.0, 0.5], dtype=torch.float64)
    mixed, targets = reference.mixup(x, labels, torch.tensor([1, 2, 0]), weights, 4)
    torch.testing.assert_close(mixed[0], 0.25 * x[0] + 0.75 * x[1])
    torch.testing.assert_close(mixed[2], 0.5 * x[2] + 0.5 * x[0])
    assert targets.tolist() == [[0.75, 0, 0.25, 0], [1, 0, 0, 0], [0, 0, 1, 0]]


def test_the_penalty_and_its_gradient() -> None:
    weight = torch.tensor([[1.0, -3.0]], requires_grad=True)
    bias = torch.tensor([10.0], requires_grad=True)
    loss = reference.penalized_loss(torch.tensor(2.0), [weight, bias], 0.5)
    loss.backward()
    assert loss.item() == 4
    assert weight.grad is not None
    assert weight.grad.tolist() == [[0.5, -0.5]]
    assert bias.grad is None


def scheduled(build: Callable[[torch.optim.Optimizer], object], steps: int, base: float) -> list[float]:
    """The rates that one of PyTorch's schedulers gives."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=base)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SequentialLR calls an old signature of its own
        schedule, rates = build(optimizer), []
        for _ in range(steps):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step()  # type: ignore[attr-defined]
    return rates


@pytest.mark.parametrize(("total", "warmup"), [(12, 4), (9, 2), (8, 6)])
def test_cosine_with_warmup_as_pytorchs(total: int, warmup: int) -> None:
    lr = torch.optim.lr_scheduler

    def build(optimizer: torch.optim.Optimizer) -> object:
        rise = lr.LinearLR(optimizer, 1 / warmup, 1.0, warmup - 1)
        fall = lr.CosineAnnealingLR(optimizer, total - 1 - warmup, eta_min=0.01)
        return lr.SequentialLR(optimizer, [rise, fall], [warmup])

    ours = [reference.cosine_schedule(step, total, warmup, 0.3, 0.01) for step in range(total)]
    assert ours == pytest.approx(scheduled(build, total, 0.3))


def test_cosine_without_warmup_and_steps_as_pytorchs() -> None:
    lr = torch.optim.lr_scheduler
    cosine = scheduled(lambda o: lr.CosineAnnealingLR(o, 9, eta_min=0.02), 10, 0.5)
    assert [reference.cosine_schedule(t, 10, 0, 0.5, 0.02) for t in range(10)] == pytest.approx(cosine)
    steps = scheduled(lambda o: lr.StepLR(o, 3, 0.2), 11, 0.5)
    assert [reference.step_schedule(t, 0.5, 3, 0.2) for t in range(11)] == pytest.approx(steps)


def test_log_uniform_as_scipys() -> None:
    numbers = reference.log_uniform(5000, 1e-5, 0.3, torch.Generator().manual_seed(1))
    assert kstest(numbers.numpy(), loguniform(1e-5, 0.3).cdf).pvalue > 1e-3


@pytest.mark.parametrize("patience", [1, 2, 4])
@pytest.mark.parametrize("min_delta", [0.0, 0.125])
def test_early_stopping_as_pytorchs_plateau_counts(patience: int, min_delta: float) -> None:
    """It lowers the rate when more than `patience` epochs were bad: ours is one more than theirs."""
    for seed in range(30):
        steps = torch.randint(-3, 3, (20,), generator=torch.Generator().manual_seed(seed))
        losses = (4 + steps.cumsum(0) / 16).tolist()
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer, patience=patience - 1, threshold=min_delta, threshold_mode="abs"
        )
        stop, kept = None, 0
        for epoch, loss in enumerate(losses, start=1):
            plateau.step(loss)
            kept = epoch if plateau.num_bad_epochs == 0 and optimizer.param_groups[0]["lr"] == 1 else kept
            if optimizer.param_groups[0]["lr"] < 1:
                stop = epoch
                break
        assert reference.early_stopping(losses, patience, min_delta) == (kept, stop)


def test_the_range_moves_on_the_logarithmic_scale() -> None:
    assert reference.next_range(1.0, 100.0, 100.0) == pytest.approx((10.0, 1000.0))
    assert reference.next_range(1.0, 100.0, 1.1) == pytest.approx((0.11, 11.0))
    assert reference.next_range(1.0, 100.0, 10.0) == (1.0, 100.0)


X = torch.zeros(2, 3, 4, 4)
BAD: list[tuple[Callable[[], object], str]] = [
    (lambda: reference.fit_standardization(X[0]), "images .* 4 dimensions"),
    (lambda: reference.fit_standardization(X[:0]), "at least one value per channel"),
    (lambda: reference.standardize(X, torch.ones(2), torch.ones(3)), r"mean .*\(2,\).*\(3,\)"),
    (lambda: reference.standardize(X, torch.ones(3), torch.ones(3), -1.0), r"eps is -1\.0"),
    (lambda: reference.draw_crops(2, -1), "padding is -1"),
    (lambda: reference.crop(X, 1, torch.tensor([[0, 3], [0, 0]])), "offsets is a tensor that holds 3"),
    (lambda: reference.crop(X, 1, torch.zeros(2, 2)), "offsets is a torch.float32"),
    (lambda: reference.draw_flips(2, 1.5), r"p is 1\.5"),
    (lambda: reference.flip(X, torch.ones(2)), "flips is a torch.float32"),
    (lambda: reference.draw_rectangles(2, 4, 4, 1.5, 1.0), r"area is 1\.5"),
    (lambda: reference.draw_rectangles(2, 4, 4, 0.5, 0.0), r"ratio is 0\.0"),
    (lambda: reference.erase(X, torch.tensor([[0, 0, 1, 1], [3, 0, 2, 1]])), "in row 1; it must be inside"),
    (
        lambda: reference.mixup(X, torch.tensor([0, 3]), torch.tensor([1, 0]), torch.ones(2), 3),
        "labels is a tensor that holds 3",
    ),
    (lambda: reference.penalized_loss(torch.zeros(2), [], 0.1), "loss .* 0 dimensions"),
    (lambda: reference.penalized_loss(torch.tensor(0.0), [], -1.0), r"strength is -1\.0"),
    (lambda: reference.cosine_schedule(5, 5, 1, 0.1), "step is 5; it must be at most total_steps − 1"),
    (lambda: reference.cosine_schedule(0, 5, 4, 0.1), "warmup_steps is 4; it must be at most"),
    (lambda: reference.cosine_schedule(0, 5, 1, math.nan), "peak is nan"),
    (lambda: reference.step_schedule(-1, 0.1, 3), "step is -1"),
    (lambda: reference.step_schedule(1, 0.1, 0), "every is 0"),
    (lambda: reference.log_uniform(2, 0.0, 1.0), r"low is 0\.0; it must be a finite number above 0"),
    (lambda: reference.log_uniform(2, 1.0, 0.1), "low is 1.0; it must be at most high"),
    (lambda: reference.early_stopping([], 1), "the number of losses is 0"),
    (lambda: reference.early_stopping([1.0, math.nan], 1), r"losses\[1\] is nan"),
    (lambda: reference.early_stopping([1.0], 0), "patience is 0"),
    (lambda: reference.next_range(1.0, 10.0, 20.0), r"best is 20\.0; it must be a number from 1 to 10"),
    (lambda: reference.next_range(1.0, 10.0, 2.0, 0.5), r"margin is 0\.5"),
]


@pytest.mark.parametrize(("call", "message"), BAD, ids=[message for _, message in BAD])
def test_a_bad_argument_is_named(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
