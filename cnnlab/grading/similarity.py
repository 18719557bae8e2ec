"""Which submissions read alike, whatever their names and comments: copydetect's winnowing fingerprints.

copydetect takes comments and blanks away, gives all variables one name, and keeps hashes of what is left,
as Schleimer, Wilkerson and Aiken (2003) describe. What the handed-out notebook holds counts for nobody.
Short functions have few ways to be right: a high share is a reason to look at both, never a verdict.
"""

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from copydetect import CodeFingerprint

NOISE = 15  # characters of normalised code that must agree before it counts; about one short statement
WINDOW = 4
FEWEST = 8  # fingerprints; with fewer, agreement means nothing
MOST_COMMON = 0.5  # what more than this share of the class wrote is the task's own form


@dataclass(frozen=True)
class Pair:
    """Two students, and the share of the smaller one's fingerprints that the other has too."""

    first: str
    second: str
    share: float


def similar(sources: Mapping[str, str], given: str, least: float = 0.6) -> list[Pair]:
    """The pairs of submissions that share much, most alike first.

    Args:
        sources: code by student.
        given: code that everybody was handed.
        least: share from which a pair is listed, in [0, 1].
    """
    handed = sorted(_prints(given))
    prints = {student: _prints(source, handed) for student, source in sources.items()}
    held = Counter(one for mine in prints.values() for one in mine)
    # In a small class two friends are half of it: what at most two hold is never the task's own form.
    usual = {one for one, count in held.items() if count > max(2, MOST_COMMON * len(prints))}
    rare = {student: mine - usual for student, mine in prints.items()}
    enough = [student for student in sorted(rare) if len(rare[student]) >= FEWEST]
    pairs = [Pair(a, b, _share(rare[a], rare[b])) for a, b in combinations(enough, 2)]
    return sorted((pair for pair in pairs if pair.share >= least), key=lambda pair: -pair.share)


def _share(a: set[int], b: set[int]) -> float:
    return len(a & b) / min(len(a), len(b))


def _prints(source: str, handed: Sequence[int] = ()) -> set[int]:
    text = io.StringIO(source)
    return set(CodeFingerprint("code", NOISE, WINDOW, list(handed), language="python", fp=text).hashes)
