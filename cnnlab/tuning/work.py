"""A worker: take a trial, have it trained, write down what came out, until there is nothing left to do."""

import contextlib
import math
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnlab.experiments import HIGHER_IS_BETTER, Recipe
from cnnlab.training.progress import watched
from cnnlab.tuning.engine import rungs
from cnnlab.tuning.evaluate import Outcome, evaluate, evaluate_up_to, in_worker
from cnnlab.tuning.settings import with_values
from cnnlab.tuning.space import Space
from cnnlab.tuning.trials import RUN, best, counted, undecided

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial, Trial

    from cnnlab.tuning.search import Plan

POLL = 0.5  # seconds between two looks at what other workers do
GLANCE = 0.02  # the same while one of them decides on a trial, which takes no training


@dataclass
class Claimed:
    """A trial of ours, and after how many epochs it is looked at next (0: it is trained at once)."""

    trial: "Trial"
    recipe: Recipe
    ahead: list[int] = field(default_factory=list)
    again: bool = False  # whether a process was lost over it once


def work(study: "Study", plan: "Plan", jobs: int, seconds: float) -> None:
    """Until the budget is used up by all workers together, or no time is left."""
    from optuna.storages import fail_stale_trials

    end, running, seen = time.monotonic() + seconds, dict[Future[Outcome], Claimed](), set[int]()
    looked = -math.inf
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        alive = stack.enter_context(_signs_of_life(study))
        mine: dict[int, Claimed] = {}
        stack.callback(_drop, study, mine)
        submit = _here if jobs == 1 else _elsewhere(jobs)
        while True:
            if time.monotonic() - looked > POLL:
                fail_stale_trials(study)
                looked = time.monotonic()
            claimed = None
            while len(running) < jobs and time.monotonic() < end and (claimed := _claim(study, plan)):
                alive.add(claimed.trial._trial_id)
                mine[claimed.trial.number] = claimed
                running[_train(submit, plan, claimed, folder)] = claimed
            if not running:
                if time.monotonic() >= end or _over(study, plan, seen):
                    break
                time.sleep(POLL)
                continue
            done, _ = wait(running, timeout=POLL, return_when=FIRST_COMPLETED)
            for future in done:
                claimed = running[future]
                if _finish(study, plan, claimed, _outcome(future, claimed)):
                    alive.discard(claimed.trial._trial_id)
                    del mine[claimed.trial.number]
                    shutil.rmtree(folder / str(claimed.trial.number), ignore_errors=True)
                else:
                    running[_train(submit, plan, claimed, folder)] = claimed
                del running[future]
            _say(study, plan)


def _claim(study: "Study", plan: "Plan") -> Claimed | None:
    """The next trial with its values, or None when there is none for us now."""
    from optuna.trial import TrialState

    trials = counted(study)
    if not any(trial.state == TrialState.WAITING for trial in trials):
        full = plan.trials is not None and len(trials) >= plan.trials
        if full or plan.space_at(trials, len(trials)) is None:
            return None
    trial = study.ask()
    position, space = _place(study, plan, trial)
    if space is None or (plan.trials is not None and position >= plan.trials):
        # Another worker was faster: this one is not needed.
        study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)
        return None
    values = {name: item.suggest(trial, name) for name, item in space.items()}
    claimed = Claimed(trial, with_values(plan.source, values))
    if plan.method == "halving":
        claimed.ahead = rungs(claimed.recipe.training.get("epochs", 20), plan.first)
    return claimed


def _place(study: "Study", plan: "Plan", trial: "Trial") -> tuple[int, Space | None]:
    """The index of a trial of ours that has no values yet, and its ranges; None where it is not needed.

    An earlier trial without values may turn out not to be needed, which moves ours up: we wait until its
    worker has decided, or has been silent for too long.
    """
    from optuna.storages import fail_stale_trials
    from optuna.trial import TrialState

    told, seen = -math.inf, set[int]()
    while True:
        if time.monotonic() - told > POLL:
            _sign_of_life(study, trial._trial_id)
            fail_stale_trials(study)
            told = time.monotonic()
        trials = counted(study)
        position = next((place for place, one in enumerate(trials) if one.number == trial.number), None)
        if position is None:  # we were silent for too long ourselves, and somebody else takes it up
            return len(trials), None
        open_ones = [one for one in trials[:position] if undecided(one)]
        if any(one.state == TrialState.WAITING for one in open_ones):  # whoever asks next must get that one
            return position, None
        if not open_ones:
            return position, plan.space_at(trials, position)
        _first_sign(study, open_ones, seen)
        time.sleep(GLANCE)


def _train(
    submit: Callable[..., Future[Outcome]], plan: "Plan", claimed: Claimed, folder: Path
) -> Future[Outcome]:
    if not claimed.ahead:
        return submit(evaluate, claimed.recipe, plan.seeds, plan.metric, plan.keep)
    own = folder / str(claimed.trial.number)
    own.mkdir(exist_ok=True)
    return submit(evaluate_up_to, claimed.recipe, plan.seeds, plan.metric, claimed.ahead[0], own)


def _outcome(future: Future[Outcome], claimed: Claimed) -> Outcome | None:
    """None when the process was lost, by too little memory perhaps, and another try is due."""
    try:
        return future.result()
    except BrokenProcessPool as error:
        if claimed.again:
            return Outcome(math.nan, (), f"the process ended: {error}".splitlines()[0], 0, 0.0)
        claimed.again = True
        return None


def _finish(study: "Study", plan: "Plan", claimed: Claimed, outcome: Outcome | None) -> bool:
    """Write an outcome down; False when the trial is to be trained (on)."""
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    if outcome is None:
        return False
    trial, state = claimed.trial, TrialState.COMPLETE
    # A worker that was silent for long, in a suspended machine, say, finds its trial given to another.
    with contextlib.suppress(UpdateFinishedTrialError):
        if claimed.ahead and not outcome.failure:
            trial.report(outcome.value, step=claimed.ahead.pop(0))
            if claimed.ahead and not trial.should_prune():
                return False
            state = TrialState.PRUNED if claimed.ahead else TrialState.COMPLETE
        run = {name: value for name, value in asdict(outcome).items() if name != "value"}
        trial.set_user_attr(RUN, run)
        if math.isnan(outcome.value):
            state = TrialState.FAIL
        value = outcome.value if state == TrialState.COMPLETE else None
        study.tell(trial, value, state=state, skip_if_finished=True)
    return True


def _over(study: "Study", plan: "Plan", seen: set[int]) -> bool:
    """Whether all trials of the budget are finished, ours and those of other workers.

    That nothing is running at the moment does not say so: the next stage may just have become possible.
    """
    trials = counted(study)[: plan.trials]
    _first_sign(study, trials, seen)
    return len(trials) == (plan.trials or len(trials)) and all(trial.state.is_finished() for trial in trials)


def _first_sign(study: "Study", trials: list["FrozenTrial"], seen: set[int]) -> None:
    """Give the first sign of life of each trial that has no values yet, in its worker's place.

    A worker that was killed right after it had taken a trial has given none, and its silence would not be
    noticed. It has no other effect on a worker that lives.
    """
    for trial in trials:
        if trial.state.name == "RUNNING" and undecided(trial) and trial.number not in seen:
            seen.add(trial.number)
            _sign_of_life(study, trial._trial_id)


def _sign_of_life(study: "Study", number: int) -> None:
    if hasattr(storage := study._storage, "record_heartbeat"):
        storage.record_heartbeat(number)


@contextlib.contextmanager
def _signs_of_life(study: "Study") -> Iterator[set[int]]:
    """A thread that says every few seconds that the trials in the set it yields are being trained."""
    from optuna.storages import RDBStorage

    alive, ended, storage = set[int](), threading.Event(), study._storage
    while hasattr(storage, "_backend"):  # what Optuna puts around a database to remember finished trials
        storage = storage._backend

    def beat(storage: RDBStorage, interval: int) -> None:
        while not ended.is_set():
            for number in list(alive):
                with contextlib.suppress(Exception):  # a locked database: the next time may do
                    storage.record_heartbeat(number)
            ended.wait(interval)

    thread = None
    if isinstance(storage, RDBStorage) and storage.heartbeat_interval:
        thread = threading.Thread(target=beat, args=(storage, storage.heartbeat_interval), daemon=True)
        thread.start()
    try:
        yield alive
    finally:
        ended.set()
        if thread:
            thread.join()


def _drop(study: "Study", mine: dict[int, Claimed]) -> None:
    """What an interruption leaves unfinished does not count; somebody else may take its place at once."""
    from optuna.trial import TrialState

    for claimed in mine.values():
        with contextlib.suppress(Exception):
            study.tell(claimed.trial, state=TrialState.FAIL, skip_if_finished=True)


def _here(function: Callable[..., Outcome], *arguments: Any) -> Future[Outcome]:
    done: Future[Outcome] = Future()
    done.set_result(function(*arguments))
    return done


def _elsewhere(jobs: int) -> Callable[..., Future[Outcome]]:
    """Processes that understand functions of a notebook and stay for the next search."""
    from joblib.executor import get_memmapping_executor  # type: ignore[import-untyped]

    # There is one such pool in a process; `joblib.Parallel` takes it over and needs joblib's kind of it.
    parent = os.getpid()

    def submit(function: Callable[..., Outcome], *arguments: Any) -> Future[Outcome]:
        # Asked for each time: a pool that lost a process is replaced.
        started: Future[Outcome] = get_memmapping_executor(jobs).submit(
            in_worker, parent, function, *arguments
        )
        return started

    return submit


def _say(study: "Study", plan: "Plan") -> None:
    if not watched():
        return
    trials = counted(study)
    done = sum(trial.state.is_finished() for trial in trials)
    text = f"\r{done}{f' of {plan.trials}' if plan.trials else ''} trials"
    if (found := best(trials, HIGHER_IS_BETTER[plan.metric])) and found.value is not None:
        text += f", best {plan.metric} {found.value:.4f}"
    print(text, end="\n" if done == plan.trials else "", file=sys.stderr, flush=True)
