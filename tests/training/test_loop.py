"""The loop: deterministic, leaves the global random state alone, gives up on a loss that has gone wrong."""

import inspect
import pickle
from functools import partial
from itertools import pairwise

import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import lr_scheduler
from toy import TRAIN, VALIDATION, blobs, network, run, same_weights

from cnnlab.data import Split, batches
from cnnlab.errors import InputError
from cnnlab.training import Diverged, Epoch, evaluate, fit, l2, sgd


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
    with pytest.raises(InputError, match="there are 60 and 0"):
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


def test_it_is_a_plain_pytorch_loop() -> None:
    """The same steps written out by hand, to the last bit."""
    model, by_hand = network(), network()
    run(model, seed=5)
    optimizer, order = sgd(by_hand.parameters()), torch.Generator().manual_seed(5)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        for _ in range(3):
            for images, labels in batches(TRAIN, 16, shuffle=True, generator=order):
                optimizer.zero_grad()
                F.cross_entropy(by_hand(images), labels).backward()
                optimizer.step()
    assert same_weights(model, by_hand)


SCHEDULES = {
    "step": partial(lr_scheduler.StepLR, step_size=2, gamma=0.1),
    "cosine": partial(lr_scheduler.CosineAnnealingLR, T_max=6),
    "restarts": partial(lr_scheduler.CosineAnnealingWarmRestarts, T_0=2),
    "lambda": partial(lr_scheduler.LambdaLR, lr_lambda=lambda epoch: 1 / (1 + epoch)),
}


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES.keys())
def test_a_schedule_is_stepped_once_per_epoch(schedule: partial[lr_scheduler.LRScheduler]) -> None:
    rates: list[float] = []
    run(network(), epochs=6, schedule=schedule, after_epoch=[lambda state: rates.append(state.rate)])
    weight = nn.Parameter(torch.zeros(1))
    optimizer = sgd([weight])
    expected, scheduler = [], schedule(optimizer)
    for _ in range(6):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert rates == expected


def test_a_plateau_is_one_of_the_validation_loss() -> None:
    rates: list[float] = []
    history = run(
        network(dropout=0.0),
        epochs=4,
        schedule=partial(lr_scheduler.ReduceLROnPlateau, patience=0, threshold=1e9, threshold_mode="abs"),
        after_epoch=[lambda state: rates.append(state.rate)],
    )
    assert len(history) == 8
    assert rates == pytest.approx([0.05, 0.05, 0.005, 0.0005])


def test_augmentation_changes_training_batches_only_and_draws_from_its_own_stream() -> None:
    recorder, plain = Recorder(draws=False), Recorder(draws=False)
    streams = []

    def augment(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        streams.append(torch.rand(3, generator=generator))
        return -images

    history = run(recorder, augment=augment)
    run(plain)
    for ours, theirs in zip(recorder.seen, plain.seen, strict=True):
        assert torch.equal(ours, -theirs)  # the same batches in the same order, negated
    assert len(streams) == 12
    assert not torch.equal(streams[0], torch.rand(3, generator=torch.Generator().manual_seed(0)))
    measured = evaluate(recorder, TRAIN)  # on images as they are
    assert tuple(history[history["split"] == "train"][["loss", "accuracy"]].iloc[-1]) == measured


def test_a_penalty_is_trained_on_but_not_reported() -> None:
    model = network(dropout=0.0)
    history = run(model, penalty=l2(0.1))
    assert history["loss"].iloc[-1] == evaluate(model, VALIDATION)[0]
    free = network(dropout=0.0)
    run(free)
    assert model[1].weight.norm() < free[1].weight.norm()


def test_after_step_is_called_after_each_step() -> None:
    model = network()
    weights = [model[1].weight.detach().clone()]
    run(model, after_step=[lambda model: weights.append(model[1].weight.detach().clone())])
    assert len(weights) == 1 + 3 * 4
    assert all(not torch.equal(a, b) for a, b in pairwise(weights))


def test_after_epoch_gets_a_record_and_can_stop() -> None:
    seen: list[Epoch] = []

    def look(state: Epoch) -> bool:
        seen.append(state)
        return state.epoch == 2

    model = network()
    history = run(model, epochs=5, after_epoch=[look, lambda state: None])
    assert [state.epoch for state in seen] == [1, 2]
    assert history["epoch"].max() == 2
    last = seen[-1]
    assert last.model is model
    assert (last.epochs, last.rate) == (5, 0.05)
    pd.testing.assert_frame_equal(pd.DataFrame(last.history), history)
    assert len(seen[0].history) == 2  # not changed by later epochs
    rows = history[history["epoch"] == 2].set_index("split")
    assert (last.train_loss, last.train_accuracy) == tuple(rows.loc["train", ["loss", "accuracy"]])
    assert (last.validation_loss, last.validation_accuracy) == tuple(
        rows.loc["validation", ["loss", "accuracy"]]
    )
    with pytest.raises(AttributeError):
        last.epoch = 3


class Constant(nn.Module):
    """Puts out logits that make the loss what `losses` says, step by step and at each evaluation."""

    def __init__(self, losses: list[float], measured: list[float]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.losses, self.measured = iter(losses), iter(measured)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        loss = next(self.losses if self.training else self.measured)
        return torch.full((len(x), 4), loss) + 0 * self.weight


def constant(losses: list[float], measured: list[float]) -> pd.DataFrame:
    """One step per epoch; the value of the first logit is the loss. ln K = 1.39 for the four classes."""
    return run(
        Constant(losses, [value for value in measured for _ in (0, 1)]),
        loss=lambda logits, labels: logits[:, 0].mean(),
        batch_size=60,
        epochs=len(losses),
    )


def test_an_epoch_above_three_times_the_initial_loss_is_given_up() -> None:
    with pytest.raises(
        Diverged, match=r"grew to 6\.1 in epoch 2, beyond 3 times the 2 .*lower learning rate"
    ) as caught:
        constant([2.0, 6.1, 2.0], [2.0, 6.2, 2.0])
    assert caught.value.epoch == 2
    assert len(constant([2.0, 5.9, 2.0], [2.0, 5.9, 2.0])) == 6


def test_neither_wild_steps_nor_lagging_averages_alone_are_divergence() -> None:
    assert len(constant([2.0, 100.0], [2.0, 2.0])) == 4
    assert len(constant([2.0, 2.0], [2.0, 100.0])) == 4


def test_a_network_that_was_good_already_may_get_worse_again() -> None:
    assert len(constant([0.01, 4.0], [0.01, 4.0])) == 4  # below 3 ln 4
    with pytest.raises(Diverged, match=r"beyond 3 times the 1\.386"):
        constant([0.01, 4.2], [0.01, 4.2])


def batch_sizes(model: nn.Module, images: int) -> list[int]:
    sizes: list[int] = []

    def look(model: nn.Module, inputs: tuple[torch.Tensor]) -> None:
        if model.training:
            sizes.append(len(inputs[0]))

    model.register_forward_pre_hook(look)
    fit(model, blobs(images, seed=2), VALIDATION, epochs=1, batch_size=16, device="cpu")
    return sizes


def test_a_last_batch_of_one_image_does_not_break_batch_norm() -> None:
    assert batch_sizes(network(norm="batch"), 49) == [16, 16, 16]
    assert batch_sizes(network(norm="batch"), 50) == [16, 16, 16, 2]
    assert batch_sizes(network(), 49) == [16, 16, 16, 1]  # nothing is left out without need


def test_mixed_precision_learns_too(device: str) -> None:
    model = network(dropout=0.0)
    kinds = set()
    model[1].register_forward_hook(lambda layer, _, output: kinds.add((layer.training, output.dtype)))
    history = run(model, epochs=20, mixed_precision=True, device=device)
    half = torch.float16 if device == "cuda" else torch.bfloat16
    assert kinds == {(True, half), (False, torch.float32)}
    assert history["accuracy"].iloc[-1] == 1.0
    assert model[1].weight.dtype == torch.float32


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": -0.1}, "Invalid learning rate: -0.1; rates and strengths must be 0 or more"),
        ({"lr": 0.1, "weight_decay": -1e-4}, "Invalid weight_decay value: -0.0001; rates"),
        ({"lr": 0.1, "momentum": -1}, "Invalid momentum value: -1; rates"),
    ],
)
def test_what_the_optimizer_refuses_is_bad_input(options: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        run(network(), optimizer=partial(torch.optim.SGD, **options))
