"""What the client reads of the loop: pillars, habits, moods, weeks, and Today, which shows all of it."""

from datetime import datetime

import msgspec

from timos.cli.answers import Doc


class NamedDocument(msgspec.Struct, frozen=True):
    """What pillars, habits and moods have in common."""

    name: str
    archived_at: str | None = None


class Pillar(msgspec.Struct, frozen=True):
    """The members of a pillar that are shown."""

    name: str
    purpose: str = ""


class Schedule(msgspec.Struct, frozen=True, omit_defaults=True):
    """`every` is day, weekdays (`days`, Monday is 1) or week (`times`); written it has only what belongs to that."""

    every: str
    days: tuple[int, ...] = ()
    times: int = 0


class Habit(msgspec.Struct, frozen=True):
    """The members of a habit that are shown."""

    name: str
    schedule: Schedule = Schedule("day")
    kind: str = "check"
    target: float = 1
    unit: str = ""


class Tick(msgspec.Struct, frozen=True):
    """What was noted for a habit on a day."""

    value: float = 1
    skipped: bool = False
    note: str = ""


class HabitToday(msgspec.Struct, frozen=True):
    """A habit on a day; without a tick nothing was noted."""

    id: str
    habit: Habit
    is_due: bool = True
    tick: Tick | None = None


class HabitStreak(msgspec.Struct, frozen=True):
    """`current` and `best` count days, or weeks where the schedule does; `done` of `due` of late."""

    id: str
    name: str
    current: int
    best: int
    done: int
    due: int


class Streaks(msgspec.Struct, frozen=True):
    """In the user's order."""

    habits: tuple[HabitStreak, ...]
    unreadable_days: tuple[str, ...] = ()


class Correction(msgspec.Struct, frozen=True):
    """What to do otherwise in the week after."""

    text: str
    done: bool = False


class WeekScore(msgspec.Struct, frozen=True):
    """Mean of the days scored."""

    mean: float
    days: int


class Recap(msgspec.Struct, frozen=True):
    """The members of a weekly recap that are shown."""

    highlights: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    corrections: tuple[Correction, ...] = ()
    reflection: str = ""
    pillar_scores: dict[str, WeekScore] = {}
    completed_at: str | None = None


class Week(msgspec.Struct, frozen=True):
    """`scores` so far, by pillar; `carried` over from the week before, not done yet."""

    week: str
    recap: Doc | None = None
    carried: tuple[Correction, ...] = ()
    scores: dict[str, WeekScore] = {}
    unreadable_days: tuple[str, ...] = ()


class Score(msgspec.Struct, frozen=True):
    """Of one pillar on one day."""

    value: int
    note: str = ""


class Scores(msgspec.Struct, frozen=True):
    """By the id of the pillar."""

    scores: dict[str, Score] = {}


class Today(msgspec.Struct, frozen=True):
    """All of one day."""

    day: str
    entry: Doc | None = None
    morning: Doc | None = None
    evening: Doc | None = None
    scores: Doc | None = None
    pillars: tuple[Doc, ...] = ()
    habits: tuple[HabitToday, ...] = ()
    week: Week | None = None
    on_this_day: tuple[Doc, ...] = ()
    unreadable_parts: tuple[str, ...] = ()


class SystemMood(msgspec.Struct, frozen=True):
    """A mood that everybody has."""

    id: str
    name: str


class SystemMoods(msgspec.Struct, frozen=True):
    """From the worst to the best."""

    items: tuple[SystemMood, ...]


class MoodLog(msgspec.Struct, frozen=True):
    """`mood` is an id."""

    at: datetime
    mood: str
    note: str = ""
    tags: tuple[str, ...] = ()


class LoggedMood(msgspec.Struct, frozen=True):
    """With the day that it counts for."""

    day: str
    log: MoodLog


class MoodDiary(msgspec.Struct, frozen=True):
    """In the order of days and times."""

    items: tuple[LoggedMood, ...]
    unreadable_days: tuple[str, ...] = ()
