"""Training: one loop, what can be plugged into it, and what can be measured on a network."""

from cnnlab.training.averaging import (
    ExponentialAverage,
    Snapshots,
    StochasticWeightAverage,
    ensemble_loss,
    ensemble_probabilities,
)
from cnnlab.training.epoch import Diverged, Epoch
from cnnlab.training.evaluation import evaluate, test_time_probabilities
from cnnlab.training.loop import fit, sgd
from cnnlab.training.penalties import (
    decay_weights_only,
    elastic_net,
    l1,
    l2,
    max_norm,
    parameter_groups,
    sparsity,
)
from cnnlab.training.range_test import RangeTest, lr_range_test
from cnnlab.training.schedules import Schedule, schedule
from cnnlab.training.stages import Stages
from cnnlab.training.standard import Trained, train_standard
from cnnlab.training.statistics import (
    activation_statistics,
    activations,
    gradient_statistics,
    weight_statistics,
)
from cnnlab.training.stopping import EarlyStopping

__all__ = [
    "Diverged",
    "EarlyStopping",
    "Epoch",
    "ExponentialAverage",
    "RangeTest",
    "Schedule",
    "Snapshots",
    "Stages",
    "StochasticWeightAverage",
    "Trained",
    "activation_statistics",
    "activations",
    "decay_weights_only",
    "elastic_net",
    "ensemble_loss",
    "ensemble_probabilities",
    "evaluate",
    "fit",
    "gradient_statistics",
    "l1",
    "l2",
    "lr_range_test",
    "max_norm",
    "parameter_groups",
    "schedule",
    "sgd",
    "sparsity",
    "test_time_probabilities",
    "train_standard",
    "weight_statistics",
]
