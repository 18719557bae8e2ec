"""Averages against loops written by hand."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from toy import TRAIN, VALIDATION, network, run, same_weights

from cnnlab.errors import InputError
from cnnlab.training import (
    Epoch,
    ExponentialAverage,
    Snapshots,
    StochasticWeightAverage,
    ensemble_loss,
    ensemble_probabilities,
    evaluate,
)


def weights(model: nn.Module) -> torch.Tensor:
    return torch.cat([value.detach().flatten().clone() for value in model.parameters()])


def test_the_exponential_average_is_the_loop_by_hand(device: str) -> None:
    seen: list[torch.Tensor] = []
    model = network()
    average = ExponentialAverage(model, decay=0.9)
    run(model, after_step=[average, lambda model: seen.append(weights(model))], device=device)
    by_hand = seen[0]
    for now in seen[1:]:
        by_hand = 0.9 * by_hand + 0.1 * now
    torch.testing.assert_close(weights(average.averaged(TRAIN)), by_hand)
    assert len(seen) == 12


def test_averaging_does_not_disturb_the_training() -> None:
    alone, watched = network(norm="batch"), network(norm="batch")
    run(alone)
    average = ExponentialAverage()
    run(watched, after_step=[average], after_epoch=[StochasticWeightAverage(1), Snapshots(1)])
    before = torch.get_rng_state()
    average.averaged(TRAIN)
    assert same_weights(alone, watched)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_stochastic_weight_average_is_the_mean_of_the_later_epochs() -> None:
    seen: list[torch.Tensor] = []
    average = StochasticWeightAverage(3)

    def look(state: Epoch) -> None:
        seen.append(weights(state.model))

    run(network(), epochs=6, after_epoch=[average, look])
    torch.testing.assert_close(weights(average.averaged(TRAIN)), torch.stack(seen[2:]).mean(dim=0))


def test_batch_norm_is_measured_anew_for_the_average() -> None:
    model = network(norm="batch", dropout=0.0)
    average = StochasticWeightAverage(1)
    run(model, epochs=4, after_epoch=[average])
    averaged = average.averaged(TRAIN, batch_size=len(TRAIN))
    hidden = averaged[1](TRAIN.images.flatten(1)).detach()
    torch.testing.assert_close(averaged[2].running_mean, hidden.mean(dim=0))
    torch.testing.assert_close(averaged[2].running_var, hidden.var(dim=0, correction=1))
    assert not averaged.training
    assert not torch.equal(averaged[2].running_mean, model[2].running_mean)


def test_an_average_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="nothing has been averaged yet"):
        StochasticWeightAverage(5).averaged(TRAIN)
    with pytest.raises(InputError, match="made for another model"):
        run(network(), after_step=[ExponentialAverage(network())])
    with pytest.raises(InputError, match=r"decay is 1\.5; it must be a number in \[0, 1\]"):
        ExponentialAverage(decay=1.5)


def test_snapshots_are_copies_at_the_ends_of_cycles() -> None:
    seen: list[torch.Tensor] = []
    snapshots = Snapshots(2)

    def look(state: Epoch) -> None:
        seen.append(weights(state.model))

    run(network(), epochs=5, after_epoch=[snapshots, look])
    assert len(snapshots.models) == 2
    for model, epoch in zip(snapshots.models, (2, 4), strict=True):
        assert torch.equal(weights(model), seen[epoch - 1])
        assert not model.training


def members() -> list[nn.Module]:
    models = [network(hidden=(width,)) for width in (4, 8, 16)]
    for model in models:
        run(model)
        model.train()
    return models


def test_an_ensemble_is_the_mean_of_probabilities_in_evaluation_mode() -> None:
    models = members()
    mean = ensemble_probabilities(models, VALIDATION.images)
    assert all(model.training for model in models)
    singles = [model.eval()(VALIDATION.images).softmax(dim=1) for model in models]
    torch.testing.assert_close(mean, torch.stack(singles).mean(dim=0).detach())
    torch.testing.assert_close(mean.sum(dim=1), torch.ones(40))
    torch.testing.assert_close(ensemble_probabilities(models, VALIDATION.images, batch_size=7), mean)
    loss, accuracy = ensemble_loss(models, VALIDATION)
    assert loss == pytest.approx(F.nll_loss(mean.log(), VALIDATION.labels).item(), rel=1e-6)
    assert accuracy == (mean.argmax(dim=1) == VALIDATION.labels).double().mean().item()


def test_the_ensembles_loss_is_at_most_the_mean_loss() -> None:
    models = members()
    losses = [evaluate(model, VALIDATION)[0] for model in models]
    assert ensemble_loss(models, VALIDATION)[0] < sum(losses) / 3
    alone = ensemble_loss(models[:1], VALIDATION)
    assert math.isclose(alone[0], losses[0], rel_tol=1e-5)


def test_an_ensemble_of_none_is_refused() -> None:
    with pytest.raises(InputError, match="at least one network"):
        ensemble_probabilities([], VALIDATION.images)
