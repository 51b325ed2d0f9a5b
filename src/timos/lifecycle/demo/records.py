"""What the demo's person writes on one day."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Final

from timos.lifecycle.demo import texts
from timos.lifecycle.demo.lived import SATURDAY, Day, Hand, whole
from timos.lifecycle.demo.person import Person
from timos.vault.collections import daily_entries, feels_entries, habit_days, mood_logs, moods, pillar_scores
from timos.vault.collections.daily_entries import DailyEntry, Note, PillarLink
from timos.vault.collections.feels_entries import Evening, Morning
from timos.vault.collections.habit_days import HabitDay, Tick
from timos.vault.collections.mood_logs import MoodDay, MoodLog
from timos.vault.collections.morning_habits import Habit, Weekdays
from timos.vault.collections.pillar_scores import PillarScores, Score
from timos.vault.emotions import valence_energy
from timos.vault.record import Collection, Document, Key

STUDIO_CLOSES_HOUR: Final = 17

Record = tuple[Collection, Key, Document]


def records_of(hand: Hand, person: Person, one: Day) -> Iterator[Record]:
    """Fewer on hard days, none on silent ones."""
    if one.phase == "silent":
        return
    day = one.day.isoformat()
    is_hard = one.phase == "bad"
    if one.is_last or hand.chance(0.6 if is_hard else 0.92):
        yield feels_entries.COLLECTION, (day, "morning"), _morning(hand, one)
    if done := _ticks(hand, person, one):
        yield habit_days.COLLECTION, (day,), HabitDay(day=one.day, done=done)
    if one.is_last:  # the rest of today is still to come
        return
    if logs := _mood_logs(hand, person, one):
        yield mood_logs.COLLECTION, (day,), MoodDay(day=one.day, logs=logs)
    if hand.chance(0.65 if is_hard else 0.85):
        yield daily_entries.COLLECTION, (day,), _entry(hand, person, one)
    if hand.chance(0.5 if is_hard else 0.8):
        yield feels_entries.COLLECTION, (day, "evening"), _evening(hand, one)
        if hand.chance(0.8):
            yield pillar_scores.COLLECTION, (day,), _scores(hand, person, one)


def _morning(hand: Hand, one: Day) -> Morning:
    words = hand.several(texts.EMOTIONS[one.tone], 3)
    valence, energy = valence_energy(words) or (None, None)
    is_avoiding = one.is_last or hand.chance(0.55 if one.plain_tone == "low" else 0.2)
    return Morning(
        day=one.day,
        mental_state=whole(one.level, 1, 5),
        strongest_emotion=words[0],
        emotions=words[1:],
        valence=None if valence is None else round(valence, 2),
        energy=None if energy is None else round(energy, 2),
        avoiding=_avoided(hand) if is_avoiding else "",
        sleep_hours=one.sleep_hours,
        note=hand.draw(texts.MORNING_NOTES) if hand.chance(0.2) else "",
    )


def _avoided(hand: Hand) -> str:
    """Mostly the first of them, as it is with what one avoids."""
    return hand.random.choices(texts.AVOIDING, weights=(6, 2, 2, 1))[0]


def _evening(hand: Hand, one: Day) -> Evening:
    givers, drainers = list(hand.several(texts.GIVERS, 2)), list(hand.several(texts.DRAINERS, 2))
    if one.has_run:
        givers.insert(0, "Running")
    if one.plain_tone == "high" and hand.chance(0.6):
        drainers = []
    if one.plain_tone == "low":
        givers = givers[:1]
    if one.day.weekday() < SATURDAY and hand.chance(0.5):
        (givers if hand.chance(0.15) else drainers).append("Meetings")  # nothing is only bad
    return Evening(
        day=one.day,
        energy_givers=tuple(givers),
        energy_drainers=tuple(drainers),
        pressure_or_purpose=whole(one.level - 3 + hand.random.gauss(0, 0.6), -2, 2),
        honest_note=hand.draw(texts.HONEST_NOTES[one.plain_tone]) if hand.chance(0.7) else "",
        emotions=hand.several(texts.EMOTIONS[one.tone], 2),
    )


def _ticks(hand: Hand, person: Person, one: Day) -> dict[str, Tick]:
    found = {}
    for key, habit in person.habits.items():
        is_over = habit.archived_at is not None and habit.archived_at.date() < one.day
        tick = None if is_over or _is_paused(habit, one.day) else _tick(hand, habit, one)
        if tick is not None:
            found[key] = tick
    return found


def _tick(hand: Hand, habit: Habit, one: Day) -> Tick | None:
    if habit.name == "Run":
        return Tick(value=float(hand.random.randrange(25, 60, 5)), note="", at=_ticked_at(hand, one)) if one.has_run else None
    if isinstance(habit.schedule, Weekdays) and one.day.weekday() >= SATURDAY:
        return None
    if hand.chance(0.02):
        return Tick(value=0.0, skipped=True, note="Travelling." if one.phase == "away" else "", at=_ticked_at(hand, one))
    likely = {"high": 0.85, "middle": 0.72, "low": 0.5}[one.plain_tone]
    if not hand.chance(likely):
        return None
    value = 1.0 if habit.kind == "check" else habit.target * hand.random.choice((0.5, 1.0, 1.0, 1.0, 1.0, 1.5, 2.0))
    return Tick(value=value, at=_ticked_at(hand, one))


def _ticked_at(hand: Hand, one: Day) -> datetime | None:
    """Some are filled in the next morning; today's have no time, which could lie ahead."""
    if one.is_last:
        return None
    return one.at(24 + 7.5 if hand.chance(0.06) else hand.random.uniform(6.2, 9.5))


def _is_paused(habit: Habit, day: date) -> bool:
    return any(pause.first <= day <= (pause.last or day) for pause in habit.pauses)


def _mood_logs(hand: Hand, person: Person, one: Day) -> tuple[MoodLog, ...]:
    number = hand.random.choice((0, 1, 1, 1, 2, 3))
    hours = sorted(hand.random.uniform(8, 21.5) for _ in range(number))
    return tuple(_mood_log(hand, person, one, hour) for hour in hours)


def _mood_log(hand: Hand, person: Person, one: Day, hour: float) -> MoodLog:
    level = whole(one.level + hand.random.gauss(0, 0.6), 1, 5)
    own = [key for key, mood in person.moods.items() if mood.level == level and mood.archived_at is None]
    system = next(mood.id for mood in moods.SYSTEM if mood.level == level)
    is_with_note = hand.chance(0.25)
    return MoodLog(
        id=hand.new_id(),
        at=one.at(hour),
        mood=own[0] if own and hand.chance(0.3) else system,
        note=hand.draw(texts.NOTES) if is_with_note else "",
        tags=("studio",) if one.day.weekday() < SATURDAY and hour < STUDIO_CLOSES_HOUR and hand.chance(0.3) else (),
        pillar=person.pillar("Mind") if is_with_note and hand.chance(0.3) else None,
    )


def _entry(hand: Hand, person: Person, one: Day) -> DailyEntry:
    paragraphs, about = _told(hand, one)
    return DailyEntry(
        day=one.day,
        title=hand.draw(texts.TITLES[one.tone]) if hand.chance(0.6) else "",
        body="\n\n".join(paragraphs),
        pillars=tuple(PillarLink(pillar=person.pillar(name)) for name in _pillars_of(about)),
        tags=about,
        notes=_notes(hand, person, one),
        completed=hand.chance(0.9),
        place="By the lake" if one.phase == "away" else None,
        weather=hand.random.choice(("Sun", "Rain", "Wind", "Cloud", "Fog")) if hand.chance(0.3) else None,
    )


def _told(hand: Hand, one: Day) -> tuple[list[str], tuple[str, ...]]:
    """Paragraphs, and what they are about as tags."""
    if one.phase == "bad":
        there = texts.BAD_DAYS[int(one.phase_part * len(texts.BAD_DAYS))]  # told in its order
        return [there, hand.draw(texts.ENDINGS["low"])], ("family",)
    if one.phase == "away":
        return [f"{hand.draw(texts.AWAY_DAYS)} {hand.draw(texts.AWAY_DAYS)}", hand.draw(texts.ENDINGS["high"])], ("lake",)
    return _told_usually(hand, one)


def _told_usually(hand: Hand, one: Day) -> tuple[list[str], tuple[str, ...]]:
    tone, about = one.tone, []
    first, second = [hand.draw(texts.OPENINGS[tone])], []
    if one.day.weekday() < SATURDAY:
        first.append(hand.draw(texts.WORK[tone]))
        about.append("map")
    if one.day.weekday() >= SATURDAY or hand.chance(0.45):
        second.append(hand.draw(texts.PEOPLE[tone]))
        about.append("friends")
    if one.has_run or hand.chance(0.3):
        second.append(hand.draw(texts.BODY["ran" if one.has_run else "still"]))
        about += ["run"] if one.has_run else []
    second.append(hand.draw(texts.ENDINGS[tone]))
    return [" ".join(first), " ".join(second)], tuple(about)


def _pillars_of(about: Sequence[str]) -> list[str]:
    of_tag = {"map": "Craft", "friends": "People", "family": "People", "run": "Health", "lake": "Mind"}
    return sorted({of_tag[tag] for tag in about})


def _notes(hand: Hand, person: Person, one: Day) -> tuple[Note, ...]:
    number = hand.random.choice((0, 0, 0, 1, 1, 2))
    hours = sorted(hand.random.uniform(8, 20) for _ in range(number))
    return tuple(
        Note(
            id=hand.new_id(),
            at=one.at(hour),
            text=hand.draw(texts.NOTES),
            pillar=person.pillar("Craft") if hand.chance(0.2) else None,
            mood=moods.SYSTEM[whole(one.level, 1, 5) - 1].id if hand.chance(0.3) else None,
        )
        for hour in hours
    )


def _scores(hand: Hand, person: Person, one: Day) -> PillarScores:
    is_at_work = one.day.weekday() < SATURDAY and one.phase == "usual"
    lifts = {
        "Health": 1.5 if one.has_run else -0.5,
        "Craft": 0.5 if is_at_work else None,
        "People": 0.8 if one.day.weekday() >= SATURDAY else -0.2,
        "Mind": (one.sleep_hours - 7) * 0.5,
        "Home": None if hand.chance(0.5) else -0.8,
    }
    return PillarScores(
        day=one.day,
        scores={
            person.pillar(name): Score(value=whole(1.6 * one.level + 0.8 + lift + hand.random.gauss(0, 0.9), 1, 10))
            for name, lift in lifts.items()
            if lift is not None
        },
    )
