"""Dates as people and learning platforms write them, each with a time zone that is said or known.

The gradebook holds UTC without saying so; a date from a person has a zone of its own or the course's. An hour
that the clock shows twice or never (when it is put forward or back) is refused rather than guessed.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import dateutil.parser
import dateutil.tz

from cnnlab.errors import InputError
from cnnlab.grading.roster import Student


@dataclass(frozen=True)
class Clock:
    """When submissions came in: all at one time, or when the platform's worksheet says."""

    zone: tzinfo
    everybody: datetime | None = None

    def received(self, student: Student) -> tuple[datetime | None, list[str]]:
        """When the student's submission came in, if that is known, and a remark if it cannot be read."""
        if self.everybody is not None or student.submitted.strip("- ") == "":
            return self.everybody, []
        try:
            return moment(student.submitted, self.zone), []
        except InputError as error:
            return None, [f"its time was left out: {error}"]


def zone(name: str | None) -> tzinfo:
    """A time zone by its name, such as Europe/Berlin; this machine's own by default."""
    if name is None:
        local: tzinfo = dateutil.tz.tzlocal()
        return local
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InputError(
            f"unknown time zone {name!r}; write it like Europe/Berlin, America/New_York or UTC."
        ) from error


def moment(text: str, local: tzinfo) -> datetime:
    """A point in time, with its zone: the one in the text, else `local`.

    Args:
        text: "2026-11-30 23:59", "2026-11-30T22:59Z", "Monday, 30 November 2026, 11:59 PM", …
        local: what a time without a zone means.

    Raises:
        InputError: not a date, a date without a day's time that could mean two things, an hour that the clock
            shows twice or never.
    """
    hint = 'write it like "2026-11-30 23:59" or "2026-11-30 23:59 +0100"'
    if re.fullmatch(r"\s*\d{1,2}[./]\d{1,2}[./]\d{2,4}.*", text):
        raise InputError(f"{text!r} can mean two days; {hint}.")
    try:
        parsed: datetime = dateutil.parser.parse(text, default=datetime(1, 1, 1, 23, 59, 59))
    except (ValueError, OverflowError, dateutil.parser.UnknownTimezoneWarning) as error:
        raise InputError(f"{text!r} is not a date; {hint}.") from error
    if parsed.year < 2000:
        raise InputError(f"{text!r} is not a whole date; {hint}.")
    if ":" not in text:
        parsed = parsed.replace(hour=23, minute=59, second=59)  # a day ends when it ends
    elif not re.search(r":\d\d:\d\d", text):
        parsed = parsed.replace(second=0)
    there = parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=local)
    try:
        naive_utc(there)
    except (OverflowError, ValueError) as error:
        raise InputError(f"{text!r} is out of reach ({error}); {hint}.") from error
    if parsed.tzinfo is not None:
        return there
    if not dateutil.tz.datetime_exists(there):
        raise InputError(f"{text!r} does not exist, the clock was put forward then; add the offset, {hint}.")
    if dateutil.tz.datetime_ambiguous(there):
        raise InputError(f"{text!r} comes twice, the clock was put back then; add the offset, {hint}.")
    return there


def naive_utc(when: datetime) -> datetime:
    """As the gradebook keeps it."""
    return when.astimezone(UTC).replace(tzinfo=None)
