"""Fair comparisons: variants × seeds, paired, in one tidy table, with intervals over the seeds.

Paired means that the runs of one seed share everything but what the variant changes: the split, the initial
weights of every layer they have in common, and the order of the batches. The difference of two variants is
then taken seed by seed, so that what a seed does to both runs alike does not blur it.
"""

from cnnlab.experiments.comparison import compare
from cnnlab.experiments.recipe import Recipe
from cnnlab.experiments.results import HIGHER_IS_BETTER, differences, final, in_words, interval

__all__ = ["HIGHER_IS_BETTER", "Recipe", "compare", "differences", "final", "in_words", "interval"]
