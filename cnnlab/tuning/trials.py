"""The trials of a study in one order that all workers agree on, whoever was killed or came too late.

A worker's trial gets its number from the database, so numbers are unique. A trial whose worker fell silent is
marked as failed and copied into the queue; the copy has a later number and takes the original's place. A
trial that was begun beyond the budget, or whose search was interrupted, is dropped. The *index* of a trial is
its place among those that are left: there are never more than the budget allows, and none counts twice.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

RUN = "run"  # the trial's attribute with what its training said


def key(trial: "FrozenTrial") -> int:
    """The number of the trial that this one is, or is the copy of."""
    # What `RetryHeartbeatStaleTrialCallback.retried_trial_number` returns, without its warning.
    return int(trial.system_attrs.get("failed_trial", trial.number))


def counted(study: "Study") -> list["FrozenTrial"]:
    """All trials that count, by index: waiting, running and finished ones."""
    from optuna.trial import TrialState

    latest: dict[int, Any] = {}
    for trial in study.get_trials(deepcopy=False):
        latest[key(trial)] = trial
    return [
        trial
        for _, trial in sorted(latest.items())
        if trial.state != TrialState.FAIL or trial.user_attrs.get(RUN, {}).get("failure")
    ]


def undecided(trial: "FrozenTrial") -> bool:
    """Whether its worker has not drawn values yet; it may find that the trial is not needed."""
    return not trial.params and not trial.state.is_finished()


def index(study: "Study", trial: "FrozenTrial") -> int:
    """How many trials that count come before this one."""
    mine = key(trial)
    return sum(key(other) < mine for other in counted(study))


def best(trials: list["FrozenTrial"], maximize: bool) -> "FrozenTrial | None":
    """The best trial that was trained to its end; of equal ones the first."""
    from optuna.trial import TrialState

    finished = [
        trial
        for trial in trials
        if trial.state == TrialState.COMPLETE and not trial.user_attrs.get(RUN, {}).get("failure")
    ]
    if not finished:
        return None
    sign = 1 if maximize else -1
    return max(finished, key=lambda trial: sign * (trial.value or 0.0))
