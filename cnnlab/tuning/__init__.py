"""Searching hyperparameters: grid, random, coarse to fine, Bayesian and successive halving, through Optuna.

Needs the extra "tuning"; importing this does not.
"""

from cnnlab.tuning.refine import next_space
from cnnlab.tuning.result import Search
from cnnlab.tuning.search import METHODS, search
from cnnlab.tuning.space import Choice, Log, Uniform, Whole, powers

__all__ = ["METHODS", "Choice", "Log", "Search", "Uniform", "Whole", "next_space", "powers", "search"]
