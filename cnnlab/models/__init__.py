"""Small networks with their knobs, built by name or by function, and initialisations that pair them."""

from cnnlab.models.build import MODELS, build
from cnnlab.models.initialise import SCHEMES, initialise
from cnnlab.models.layers import ACTIVATIONS, Maxout
from cnnlab.models.networks import cnn, mlp, two_layer
from cnnlab.models.residual import Block, plain, residual
from cnnlab.models.transfer import features, freeze, head_name, replace_head

__all__ = [
    "ACTIVATIONS",
    "MODELS",
    "SCHEMES",
    "Block",
    "Maxout",
    "build",
    "cnn",
    "features",
    "freeze",
    "head_name",
    "initialise",
    "mlp",
    "plain",
    "replace_head",
    "residual",
    "two_layer",
]
