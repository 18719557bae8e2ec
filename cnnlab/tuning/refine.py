"""From coarse to fine: where the next stage of a search looks, given what the stages before it found."""

from collections.abc import Sequence

from cnnlab.tuning.space import Choice, Log, Params, Range, Space, Uniform, Whole

EDGE = 0.1  # this share of a range at either end counts as its edge
ZOOM = 0.25  # width of the next range as a share of the present one


def next_space(space: Space, original: Space, best: Params) -> tuple[Space, dict[str, str]]:
    """The ranges of the next stage, and what was done: "moved", "narrowed", "at its bound" or "kept".

    A best value well inside says where to look closer: the next range is a quarter as wide and centred there.
    A best value at the edge says that the best one may lie outside: the next range is as wide as before and
    centred on it. Only logarithmic ranges are moved beyond where they began: others, such as a share of
    dropped units or a number of layers, tend to have bounds that mean something. What is searched for them
    stays within the first range, and if their best value is at its end, the answer is "at its bound". A best
    value from an earlier stage may lie outside of the present range altogether: that is an edge, too.
    """
    spaces, moves = dict(space), {}
    for name, item in space.items():
        if isinstance(item, Choice):
            moves[name] = "kept"
            continue
        first = original[name]
        assert not isinstance(first, Choice)
        spaces[name], moves[name] = _next(item, first, float(best[name]))
    return spaces, moves


def _next(item: Range, first: Range, best: float) -> tuple[Range, str]:
    share = item.share(best)
    inside = EDGE <= share <= 1 - EDGE
    reach = (ZOOM if inside else 1.0) / 2
    low, high = item.at(share - reach), item.at(share + reach)
    if isinstance(item, Log):
        return Log(low, high), "narrowed" if inside else "moved"
    low, high = (min(max(end, first.low), first.high) for end in (low, high))
    if low >= high:  # whole numbers: nothing is left to choose from
        low, high = max(first.low, low - 1), min(first.high, high + 1)
    bound = not EDGE <= first.share(best) <= 1 - EDGE
    then = "at its bound" if bound else "narrowed" if inside else "moved"
    if isinstance(item, Whole):
        return Whole(int(low), int(high)), then
    return Uniform(low, high), then


def stage_sizes(trials: int, stages: int) -> list[int]:
    """How many trials each stage has: as equal as possible, the earlier ones more."""
    share, rest = divmod(trials, stages)
    return [share + (stage < rest) for stage in range(stages)]


def starts(sizes: Sequence[int]) -> list[int]:
    """The index of the first trial of each stage."""
    return [sum(sizes[:stage]) for stage in range(len(sizes))]
