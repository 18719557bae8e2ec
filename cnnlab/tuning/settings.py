"""Values of hyperparameters put into a recipe."""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from cnnlab.errors import InputError, unknown
from cnnlab.experiments import Recipe
from cnnlab.models import MODELS
from cnnlab.tuning.space import Params

Source = Recipe | Callable[..., Recipe]
_OPTIMIZER = {"lr", "momentum", "weight_decay", "betas", "eps", "nesterov"}
_TRAINING = {"batch_size", "epochs"}


def check_names(source: Source, names: Iterable[str]) -> None:
    """Raise `InputError` for a name that the recipe, or the function that makes one, has no place for."""
    if isinstance(source, Recipe):
        known = _TRAINING | _optimizer_options(source) | _model_options(source)
        kind = "hyperparameter of this recipe"
    elif callable(source):
        parameters = inspect.signature(source).parameters
        if any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
            return
        known, kind = set(parameters), f"parameter of {getattr(source, '__name__', 'the function')}"
    else:
        raise InputError(
            f"recipe is a {type(source).__name__}; it must be a Recipe, or a function that returns one for "
            "values of the hyperparameters."
        )
    for name in names:
        if name not in known:
            raise unknown(kind, name, known)


def with_values(source: Source, values: Params) -> Recipe:
    """The recipe with these hyperparameters; with none, the default that the best one is compared with."""
    if not isinstance(source, Recipe):
        recipe = source(**values)
        if not isinstance(recipe, Recipe):
            raise InputError(f"the function returned a {type(recipe).__name__}; it must return a Recipe.")
        return recipe
    for_optimizer = {name: value for name, value in values.items() if name in _optimizer_options(source)}
    training: dict[str, Any] = {**source.training}
    training |= {name: value for name, value in values.items() if name in _TRAINING}
    if for_optimizer:
        training["optimizer"] = partial(_optimizer(source), **for_optimizer)
    options = {n: v for n, v in values.items() if n not in for_optimizer and n not in _TRAINING}
    return replace(source, options={**source.options, **options}, training=training)


def _optimizer(recipe: Recipe) -> Callable[..., torch.optim.Optimizer]:
    from cnnlab.training import sgd

    chosen: Callable[..., torch.optim.Optimizer] = recipe.training.get("optimizer", sgd)
    return chosen


def _optimizer_options(recipe: Recipe) -> set[str]:
    """Those of the usual options that the recipe's optimizer takes."""
    optimizer = _optimizer(recipe)
    inner = optimizer.func if isinstance(optimizer, partial) else optimizer
    return _OPTIMIZER & set(inspect.signature(inner).parameters)


def _model_options(recipe: Recipe) -> set[str]:
    model = MODELS[recipe.model] if isinstance(recipe.model, str) else recipe.model
    return set(inspect.signature(model).parameters)
