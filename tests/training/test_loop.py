"""The loop: deterministic, leaves the global random state alone, stops when the loss is not finite."""

import inspect
import pickle

import pandas as pd
import pytest
import torch
from torch import nn

from cnnlab.data import Split
from cnnlab.errors import InputError
from cnnlab.models import build, initialise
from cnnlab.training import Diverged, evaluate, fit


def blobs(n: int, seed: int) -> Split:
    """Four classes, each with its own bright pixel, and some noise."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 4, (n,), generator=generator)
    images = 0.3 * torch.rand(n, 1, 2, 2, generator=generator)
    images.flatten(1)[torch.arange(n), labels] += 0.5
    return Split(images, labels)


TRAIN, VALIDATION = blobs(60, seed=0), blobs(40, seed=1)


def network(dropout: float = 0.5) -> nn.Module:
    model = build("mlp", inputs=4, hidden=(16,), classes=4, dropout=dropout)
    initialise(model, seed=0)
    return model


def run(model: nn.Module, **options: object) -> pd.DataFrame:
    return fit(model, TRAIN, VALIDATION, **{"epochs": 3, "batch_size": 16, "device": "cpu"} | options)


def test_history_is_tidy() -> None:
    history = run(network())
    assert list(history.columns) == ["epoch", "split", "loss", "accuracy"]
    assert list(history["epoch"]) == [1, 1, 2, 2, 3, 3]
    assert list(history["split"]) == ["train", "validation"] * 3
    assert history["accuracy"].between(0, 1).all()


def test_it_learns() -> None:
    history = run(network(dropout=0.0), epochs=20)
    assert history["accuracy"].iloc[-1] == 1.0
    assert history["loss"].iloc[-1] < 0.1 * history["loss"].iloc[0]


def test_the_same_seed_gives_the_same_bits() -> None:
    first, second = network(), network()
    pd.testing.assert_frame_equal(run(first, seed=3), run(second, seed=3), check_exact=True)
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)


def test_another_seed_gives_other_numbers() -> None:
    assert not run(network(), seed=3).equals(run(network(), seed=4))


def test_the_result_does_not_depend_on_the_global_random_state() -> None:
    torch.manual_seed(1)
    first = run(network())
    torch.manual_seed(2)
    pd.testing.assert_frame_equal(first, run(network()), check_exact=True)


def test_the_global_random_state_is_put_back() -> None:
    model, before = network(), torch.get_rng_state()
    run(model)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_global_random_state_is_put_back_after_a_failure() -> None:
    model, before = network(), torch.get_rng_state()
    with pytest.raises(Diverged):
        run(model, optimizer=lambda weights: torch.optim.SGD(weights, lr=1e30))
    assert torch.equal(torch.get_rng_state(), before)


class Recorder(nn.Module):
    """Remembers the batches it is trained on; `draws` makes it use the global generator, as dropout does."""

    def __init__(self, draws: bool) -> None:
        super().__init__()
        self.layer, self.draws, self.seen = nn.Linear(4, 4), draws, list[torch.Tensor]()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.seen.append(x.clone())
            if self.draws:
                torch.rand(7)
        return self.layer(x.flatten(1))


def test_batches_do_not_depend_on_what_the_model_draws() -> None:
    plain, drawing = Recorder(draws=False), Recorder(draws=True)
    run(plain)
    run(drawing)
    assert len(plain.seen) == 3 * 4
    for a, b in zip(plain.seen, drawing.seen, strict=True):
        assert torch.equal(a, b)


def test_each_epoch_sees_every_example_once_in_a_new_order() -> None:
    recorder = Recorder(draws=False)
    run(recorder)
    epochs = [torch.cat(recorder.seen[4 * epoch : 4 * epoch + 4]) for epoch in range(3)]
    for images in epochs:
        assert torch.equal(images.flatten(1).sum(1).sort()[0], TRAIN.images.flatten(1).sum(1).sort()[0])
    assert not torch.equal(epochs[0], epochs[1])


def test_divergence_says_when() -> None:
    with pytest.raises(
        Diverged, match=r"training loss became (nan|inf) at epoch 1, step [2-4]; try a lower"
    ) as caught:
        run(network(), optimizer=lambda weights: torch.optim.SGD(weights, lr=1e30))
    assert caught.value.epoch == 1


def test_divergence_in_the_last_step_is_noticed() -> None:
    with pytest.raises(Diverged, match=r"train loss became (nan|inf) after epoch 1"):
        run(network(), batch_size=60, optimizer=lambda weights: torch.optim.SGD(weights, lr=float("inf")))


def test_divergence_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(Diverged("the loss became nan", 3)))
    assert (str(error), error.epoch) == ("the loss became nan", 3)


@pytest.mark.parametrize("options", [{"epochs": 0}, {"batch_size": 0}])
def test_bad_input_is_named(options: dict[str, int]) -> None:
    with pytest.raises(InputError, match=next(iter(options))):
        run(network(), **options)


def test_an_empty_split_is_refused() -> None:
    empty = Split(TRAIN.images[:0], TRAIN.labels[:0])
    with pytest.raises(InputError, match="got 3, 60 and 0"):
        fit(network(), TRAIN, empty, epochs=3)


def test_evaluate_measures_in_evaluation_mode_and_puts_the_mode_back() -> None:
    model = network().train()
    loss, accuracy = evaluate(model, VALIDATION)
    assert model.training
    logits = model.eval()(VALIDATION.images)
    assert loss == pytest.approx(nn.functional.cross_entropy(logits, VALIDATION.labels).item(), rel=1e-6)
    assert accuracy == (logits.argmax(1) == VALIDATION.labels).double().mean().item()


def test_evaluate_weighs_a_short_last_batch_by_its_size() -> None:
    model = network()
    assert evaluate(model, VALIDATION, batch_size=17) == pytest.approx(evaluate(model, VALIDATION), rel=1e-6)


def test_the_loop_is_short() -> None:
    assert len(inspect.getsource(fit).splitlines()) <= 100
