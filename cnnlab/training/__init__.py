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
    "Snapshots",
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
    "max_norm",
    "parameter_groups",
    "sgd",
    "sparsity",
    "test_time_probabilities",
    "train_standard",
    "weight_statistics",
]
