"""What a search found, and what is left of it on fresh seeds and on the test set."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from cnnlab.errors import InputError
from cnnlab.experiments import HIGHER_IS_BETTER, compare, differences, final, in_words
from cnnlab.tuning.refine import next_space, starts
from cnnlab.tuning.settings import with_values
from cnnlab.tuning.space import Choice, Log, Params, Whole
from cnnlab.tuning.storage import close
from cnnlab.tuning.trials import RUN, best, counted

if TYPE_CHECKING:
    from optuna.study import Study

    from cnnlab.tuning.search import Plan

LOOK = "test set"  # the study's attribute that says for which values the test set was looked at
FEWEST = 5  # trials, below which importances would be noise


@dataclass(frozen=True, kw_only=True)
class Search:
    """A search's result.

    Attributes:
        table: one row per trial, in order: trial, stage, state ("complete", "pruned", "failed", "running"), a
            column per hyperparameter, value (its validation metric; nan if it has none), failure, epochs and
            seconds of its training.
        ranges: one row per stage and range: stage, name, low, high, then ("moved", "narrowed", …).
        study: Optuna's, for all that Optuna's own tools can do.
    """

    plan: "Plan"
    table: pd.DataFrame
    ranges: pd.DataFrame
    study: "Study"

    @property
    def best(self) -> Params:
        """The values of the best trial that was trained to its end."""
        return dict(self._best().params)

    @property
    def best_value(self) -> float:
        """Its validation metric: the best of many, and so too good to be expected again."""
        return float(self._best().value)

    def _best(self) -> Any:
        found = best(counted(self.study), HIGHER_IS_BETTER[self.plan.metric])
        if found is None:
            raise InputError("no trial was trained to its end without diverging; search longer or elsewhere.")
        return found

    def at_edge(self) -> list[str]:
        """Names whose best value lies in the outer tenth of the searched range: move these ranges."""
        space = self.plan.space
        last = self.plan.space_at(counted(self.study), max(len(self.table) - 1, 0)) or space
        _, moves = next_space(last, space, self.best)
        return [name for name, what in moves.items() if what in ("moved", "at its bound")]

    def _usable(self) -> list[Any]:
        return [trial for trial in counted(self.study) if _finite(trial)]

    def importances(self) -> pd.Series:
        """How much of the results' variation each hyperparameter explains, alone or with others; sums to 1.

        Over all finished trials, diverged ones included where they have a finite value. Source: Hutter,
        Hoos & Leyton-Brown 2014, through Optuna's functional analysis of variance.
        """
        import optuna

        from cnnlab.tuning.storage import quiet

        with quiet():
            copy = optuna.create_study(direction=self.study.direction)
            usable = self._usable()
            if len(usable) < FEWEST:
                raise InputError(f"importances need {FEWEST} finished trials; there are {len(usable)}.")
            copy.add_trials(_in_one_space(usable, self.plan))
            evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
            found = optuna.importance.get_param_importances(copy, evaluator=evaluator)
        return pd.Series(found, name="importance", dtype=float)

    def confirm(
        self,
        seeds: Iterable[int],
        *,
        default: Mapping[str, Any] | None = None,
        test: bool = False,
        jobs: int | None = None,
    ) -> pd.DataFrame:
        """Train "winner" and "default" on seeds that the search has not seen; a table as `compare` makes it.

        Args:
            default: values to compare with; the recipe as it is unless given.
            test: also look at the test set. A study may do this for one winner only: who looks, searches on
                and looks again has made the test set a validation set.

        Raises:
            InputError: a seed that the search has used, or a second look at the test set for another winner.
        """
        seeds = list(seeds)
        if used := sorted(set(seeds) & set(self.plan.seeds)):
            raise InputError(
                f"the search has used the seeds {used}; the winner owes a part of its lead to them."
            )
        if test:
            looked = self.study.user_attrs.get(LOOK)
            if looked is not None and looked != self.best:
                raise InputError(
                    f"the test set has been looked at for {looked}, and now the winner is {self.best}. A "
                    "test set that guides a search no longer tests: report the first result, or take new "
                    "test images."
                )
            self.study.set_user_attr(LOOK, self.best)
            close(self.study)
        variants = {
            "default": with_values(self.plan.source, dict(default or {})),
            "winner": with_values(self.plan.source, self.best),
        }
        return compare(variants, seeds, test=test, jobs=jobs)

    def report(
        self, seeds: Iterable[int] = range(100, 108), *, test: bool = True, jobs: int | None = None
    ) -> str:
        """The search in words: best trial, edges, importances, the winner on fresh seeds and the test set."""
        metric, maximize = self.plan.metric, HIGHER_IS_BETTER[self.plan.metric]
        runs = self.confirm(seeds, test=test, jobs=jobs)
        fresh = float(final(runs[runs["variant"] == "winner"])[metric].mean())
        values = ", ".join(
            f"{k} = {v:.3g}" if isinstance(v, float) else f"{k} = {v}" for k, v in self.best.items()
        )
        lines = [
            f"{len(self.table)} trials ({self.plan.method}), {self.table['seconds'].sum():.0f} s of training",
            f"best trial: {values}; validation {metric} {self.best_value:.4f}",
            f"on fresh seeds: {fresh:.4f}; the search was too optimistic by "
            f"{(self.best_value - fresh) * (1 if maximize else -1):.4f}",
        ]
        for split in ("validation", "test") if test else ("validation",):
            row = next(differences(runs, "default", metric=metric, split=split).itertuples())
            lines.append(f"winner against default, {split}: {in_words(row)}")
        if edges := self.at_edge():
            lines.append(f"at the edge of its range, so move the range: {', '.join(edges)}")
        if len(self._usable()) >= FEWEST and len(self.plan.space) > 1:
            shares = ", ".join(f"{name} {share:.2f}" for name, share in self.importances().items())
            lines.append(f"importance: {shares}")
        return "\n".join(lines)


def _in_one_space(trials: list[Any], plan: "Plan") -> list[Any]:
    """The trials of all stages as if drawn from one range that holds them all, as the evaluator needs it."""
    import optuna

    distributions: dict[str, Any] = {}
    for name, item in plan.space.items():
        if isinstance(item, Choice):
            distributions[name] = optuna.distributions.CategoricalDistribution(item.values)
            continue
        values = [trial.params[name] for trial in trials]
        low, high = min(item.low, *values), max(item.high, *values)
        if isinstance(item, Whole):
            distributions[name] = optuna.distributions.IntDistribution(int(low), int(high))
        else:
            log = isinstance(item, Log)
            distributions[name] = optuna.distributions.FloatDistribution(low, high, log=log)
    return [
        optuna.create_trial(params=trial.params, distributions=distributions, value=trial.value)
        for trial in trials
    ]


def _finite(trial: Any) -> bool:
    return trial.state.name == "COMPLETE" and trial.value is not None and abs(trial.value) != float("inf")


def trial_table(study: "Study", plan: "Plan") -> tuple[pd.DataFrame, pd.DataFrame]:
    """The trials and the ranges of each stage."""
    trials, firsts = counted(study), starts(plan.sizes) or [0]
    rows = []
    for position, trial in enumerate(trials[: plan.trials]):
        run = trial.user_attrs.get(RUN, {})
        row: dict[str, Any] = {"trial": position, "stage": sum(first <= position for first in firsts)}
        state = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}.get(
            trial.state.name, "running"
        )
        row |= {"state": state, **{name: trial.params.get(name) for name in plan.space}}
        value = trial.value if state in ("complete", "pruned") else None
        row |= {"value": float("nan") if value is None else value, "failure": run.get("failure", "")}
        rows.append(row | {"epochs": run.get("epochs", 0), "seconds": run.get("seconds", 0.0)})
    columns = ["trial", "stage", "state", *plan.space, "value", "failure", "epochs", "seconds"]
    ranges = []
    for stage, first in enumerate(firsts, 1):
        space = plan.space_at(trials, first) or {}
        after = plan.space_at(trials, firsts[stage]) if stage < len(firsts) else None
        found = best(trials[: firsts[stage]], HIGHER_IS_BETTER[plan.metric]) if after else None
        moves = next_space(space, plan.space, found.params)[1] if found else {}
        for name, item in space.items():
            if not isinstance(item, Choice):
                ranges.append((stage, name, item.low, item.high, moves.get(name, "")))
    return pd.DataFrame(rows, columns=columns), pd.DataFrame(
        ranges, columns=["stage", "name", "low", "high", "then"]
    )
