"""The registry of collections: an explicit list, in the order in which they are exported."""

from timos.vault.collections import (
    daily_entries,
    feels_entries,
    habit_days,
    imports,
    mood_logs,
    moods,
    morning_habits,
    pillar_scores,
    pillars,
    preferences,
    weekly_recaps,
)
from timos.vault.record import Collection

COLLECTIONS: tuple[Collection, ...] = (
    pillars.COLLECTION,
    morning_habits.COLLECTION,
    moods.COLLECTION,
    daily_entries.COLLECTION,
    feels_entries.COLLECTION,
    pillar_scores.COLLECTION,
    habit_days.COLLECTION,
    mood_logs.COLLECTION,
    weekly_recaps.COLLECTION,
    imports.COLLECTION,
    preferences.COLLECTION,
)
