"""The reference against operations that we did not write, and against worked examples."""

import pytest
import torch
import torch.nn.functional as F

from cnnlab import reference

DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16]


def normal(*shape: int, dtype: torch.dtype = torch.float64, device: str = "cpu") -> torch.Tensor:
    drawn = torch.randn(shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    return drawn.to(dtype).to(device)


def statistics(channels: int, dtype: torch.dtype, device: str) -> list[torch.Tensor]:
    values = [normal(channels) * 0.5 + 1, normal(channels), normal(channels), normal(channels).square() + 0.1]
    return [value.to(dtype).to(device) for value in values]


@pytest.mark.parametrize("dtype", DTYPES)
def test_dropout_with_pytorchs_mask(dtype: torch.dtype, device: str) -> None:
    x = normal(64, 33, dtype=dtype, device=device)
    torch.manual_seed(5)
    theirs = F.dropout(x, 0.3)
    ours = reference.inverted_dropout(x, 0.3, mask=theirs != 0)
    torch.testing.assert_close(ours, theirs)


def test_dropout_draws_from_its_generator(device: str) -> None:
    x = torch.ones(1000, 100, device=device)
    first, again = (
        reference.inverted_dropout(x, 0.2, generator=torch.Generator(device).manual_seed(1)) for _ in range(2)
    )
    other = reference.inverted_dropout(x, 0.2, generator=torch.Generator(device).manual_seed(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert float(first.mean()) == pytest.approx(1.0, abs=0.01)
    assert set(first.unique().tolist()) == {0.0, 1.25}


def test_dropout_at_the_ends_and_in_evaluation() -> None:
    x = normal(5, 5)
    assert torch.equal(reference.inverted_dropout(x, 0.9, training=False), x)
    assert torch.equal(reference.inverted_dropout(x, 0.0), x)
    assert torch.equal(reference.inverted_dropout(x, 1.0), torch.zeros_like(x))


def test_a_dropped_element_is_zero_whatever_it_was_and_gets_no_gradient() -> None:
    x = torch.tensor([float("inf"), 2.0], requires_grad=True)
    y = reference.inverted_dropout(x, 0.5, mask=torch.tensor([False, True]))
    y.sum().backward()
    assert y.tolist() == [0.0, 4.0]
    assert x.grad is not None
    assert x.grad.tolist() == [0.0, 2.0]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(8, 5), (4, 5, 3, 2), (1, 5, 3, 2)])
@pytest.mark.parametrize("training", [True, False])
def test_batch_norm(dtype: torch.dtype, shape: tuple[int, ...], training: bool, device: str) -> None:
    x = normal(*shape, dtype=dtype, device=device) * 2 + 3
    gamma, beta, mean, var = statistics(5, dtype, device)
    y, new_mean, new_var = reference.batch_norm(
        x, gamma, beta, mean, var, training=training, momentum=0.3, eps=1e-3
    )
    layer = (torch.nn.BatchNorm1d if x.ndim == 2 else torch.nn.BatchNorm2d)(5, eps=1e-3, momentum=0.3)
    layer.load_state_dict({**layer.state_dict(), "weight": gamma, "bias": beta})
    layer.to(device=device, dtype=dtype).train(training)
    layer.running_mean, layer.running_var = mean.clone(), var.clone()
    torch.testing.assert_close(y, layer(x))
    torch.testing.assert_close(new_mean, layer.running_mean)
    torch.testing.assert_close(new_var, layer.running_var)


def test_batch_norm_by_its_formula() -> None:
    """Written out, since the layer above and the reference share PyTorch's kernel."""
    x = normal(6, 3, 2, 2)
    gamma, beta, mean, var = statistics(3, torch.float64, "cpu")
    y, new_mean, new_var = reference.batch_norm(x, gamma, beta, mean, var, momentum=0.25, eps=0.1)
    for c in range(3):
        values = [float(v) for v in x[:, c].flatten()]
        mu = sum(values) / 24
        biased = sum((v - mu) ** 2 for v in values) / 24
        expected = [float(gamma[c]) * (v - mu) / (biased + 0.1) ** 0.5 + float(beta[c]) for v in values]
        assert y[:, c].flatten().tolist() == pytest.approx(expected)
        assert float(new_mean[c]) == pytest.approx(0.75 * float(mean[c]) + 0.25 * mu)
        assert float(new_var[c]) == pytest.approx(0.75 * float(var[c]) + 0.25 * biased * 24 / 23)


def test_batch_norm_leaves_its_arguments() -> None:
    x = normal(6, 3)
    given = statistics(3, torch.float64, "cpu")
    before = [value.clone() for value in given]
    reference.batch_norm(x, *given)
    assert all(map(torch.equal, given, before))


def test_batch_norm_without_eps() -> None:
    x = normal(9, 2)
    one, zero = torch.ones(2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    y, _, _ = reference.batch_norm(x, one, zero, zero, one, eps=0.0)
    torch.testing.assert_close(y.var(0, unbiased=False), one)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [1, 3, 5, 11])
def test_lrn_across_channels(dtype: torch.dtype, n: int, device: str) -> None:
    """PyTorch divides alpha by n, and for odd n its window is ours."""
    x = normal(2, 7, 3, 4, dtype=dtype, device=device)
    ours = reference.local_response_norm(x, n, 2.0, 0.3, 0.75, across="channels")
    theirs = F.local_response_norm(x.float(), n, 0.3 * n, 0.75, 2.0)
    torch.testing.assert_close(ours, theirs.to(dtype), atol=1e-2 if dtype.itemsize == 2 else 1e-6, rtol=1e-5)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 9])
@pytest.mark.parametrize("across", ["channels", "space"])
def test_lrn_by_its_formula(n: int, across: str, device: str) -> None:
    x = normal(2, 4, 3, 5, device=device)
    y = reference.local_response_norm(x, n, 1.5, 0.4, 0.7, across=across)  # type: ignore[arg-type]
    half = n // 2
    for b, c, i, j in torch.cartesian_prod(*map(torch.arange, x.shape)).tolist():
        if across == "channels":
            window = x[b, max(0, c - half) : c + half + 1, i, j]
        else:
            window = x[b, c, max(0, i - half) : i + half + 1, max(0, j - half) : j + half + 1]
        expected = float(x[b, c, i, j]) / (1.5 + 0.4 * float((window**2).sum())) ** 0.7
        assert float(y[b, c, i, j]) == pytest.approx(expected)


def test_lrn_worked_example() -> None:
    x = torch.tensor([2.0, 1.0, 2.0], dtype=torch.float64)
    y = reference.local_response_norm(x.reshape(1, 3, 1, 1), 2, 0.0, 1.0, 1.0, across="channels")
    assert float(y[0, 1, 0, 0]) == pytest.approx(1 / 9)
    y = reference.local_response_norm(x.reshape(1, 1, 1, 3), 2, 0.0, 1.0, 1.0, across="space")
    assert float(y[0, 0, 0, 1]) == pytest.approx(1 / 9)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("classes", "epsilon"), [(10, 0.1), (2, 0.3), (5, 0.0), (7, 0.8)])
def test_label_smoothing_loss(dtype: torch.dtype, classes: int, epsilon: float, device: str) -> None:
    logits = normal(9, classes, dtype=dtype, device=device)
    targets = torch.arange(9, device=device) % classes
    ours = reference.label_smoothing_loss(logits, targets, epsilon)
    theirs = F.cross_entropy(logits, targets, label_smoothing=reference.pytorch_epsilon(epsilon, classes))
    torch.testing.assert_close(ours, theirs)


def test_smooth_labels() -> None:
    q = reference.smooth_labels(torch.tensor([2, 0]), 4, 0.3)
    torch.testing.assert_close(q, torch.tensor([[0.1, 0.1, 0.7, 0.1], [0.7, 0.1, 0.1, 0.1]]))
    assert reference.pytorch_epsilon(0.3, 4) == pytest.approx(0.4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_label_smoothing_loss_is_finite_for_extreme_logits(dtype: torch.dtype) -> None:
    logits = torch.tensor([[1e4, -1e4, 0.0]], dtype=dtype, requires_grad=True)
    loss = reference.label_smoothing_loss(logits, torch.tensor([1]), 0.1)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(0.9 * 2e4 + 0.05 * 1e4)
    assert logits.grad is not None
    assert bool(logits.grad.isfinite().all())


def test_gradients(device: str) -> None:
    """Autograd through each operation against finite differences, in float64."""
    x = normal(3, 4, 2, 3, device=device).requires_grad_()
    gamma, beta, mean, var = statistics(4, torch.float64, device)
    mask = normal(3, 4, 2, 3, device=device) > 0
    logits = normal(5, 4, device=device).requires_grad_()
    targets = torch.tensor([0, 3, 1, 1, 2], device=device)
    check = torch.autograd.gradcheck
    assert check(lambda t: reference.inverted_dropout(t, 0.4, mask=mask), x)
    for training in (True, False):
        assert check(
            lambda t, g, b, training=training: reference.batch_norm(t, g, b, mean, var, training=training)[0],
            (x, gamma.requires_grad_(), beta.requires_grad_()),
        )
    for across in ("channels", "space"):
        assert check(
            lambda t, across=across: reference.local_response_norm(t, 3, 1.0, 0.5, 0.75, across=across), x
        )
    assert check(lambda t: reference.label_smoothing_loss(t, targets, 0.1), logits)


def test_non_contiguous_inputs_give_the_same() -> None:
    x = normal(5, 4, 6, 3)
    crooked = x.permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0)
    assert not crooked.is_contiguous()
    given = statistics(4, torch.float64, "cpu")
    mask = x > 0
    for f in (
        lambda t: reference.inverted_dropout(t, 0.3, mask=mask),
        lambda t: reference.batch_norm(t, *given)[0],
        lambda t: reference.local_response_norm(t, 3, 1.0, 0.5, 0.75, across="channels"),
        lambda t: reference.local_response_norm(t, 3, 1.0, 0.5, 0.75, across="space"),
        lambda t: reference.label_smoothing_loss(t[:, :, 0, 0], torch.tensor([0, 1, 2, 3, 0]), 0.1),
    ):
        torch.testing.assert_close(f(crooked), f(x))


def test_empty_inputs(device: str) -> None:
    x = torch.zeros(0, 3, 4, 4, device=device)
    given = statistics(3, torch.float32, device)
    assert reference.inverted_dropout(x, 0.5).shape == x.shape
    y, mean, _ = reference.batch_norm(x, *given, training=False)
    assert y.shape == x.shape
    assert torch.equal(mean, given[2])
    assert reference.local_response_norm(x, 3, 1.0, 1.0, 0.75, across="space").shape == x.shape
    nobody = torch.zeros(0, dtype=torch.int64, device=device)
    assert reference.smooth_labels(nobody, 3, 0.1).shape == (0, 3)
    assert bool(reference.label_smoothing_loss(torch.zeros(0, 3, device=device), nobody, 0.1).isnan())
