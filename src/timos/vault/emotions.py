"""Words for how somebody feels, each with a place on two scales.

Invariants:
- Chosen and placed by our own judgement: no word list, scale or lexicon of others went into it.
- An id never changes and never goes: it is stored in what users wrote.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Emotion:
    """`valence` runs from -1 (unpleasant) to 1 (pleasant), `energy` from -1 (still) to 1 (stirred)."""

    id: str
    name: str
    valence: float
    energy: float


EMOTIONS: Final[tuple[Emotion, ...]] = (
    # pleasant and stirred
    Emotion("joyful", "Joyful", 0.9, 0.6),
    Emotion("excited", "Excited", 0.8, 0.9),
    Emotion("in-love", "In love", 0.9, 0.5),
    Emotion("proud", "Proud", 0.8, 0.4),
    Emotion("inspired", "Inspired", 0.8, 0.6),
    Emotion("amazed", "Amazed", 0.7, 0.7),
    Emotion("confident", "Confident", 0.7, 0.3),
    Emotion("playful", "Playful", 0.7, 0.6),
    Emotion("eager", "Eager", 0.6, 0.7),
    Emotion("amused", "Amused", 0.6, 0.4),
    Emotion("hopeful", "Hopeful", 0.6, 0.2),
    Emotion("curious", "Curious", 0.5, 0.4),
    # pleasant and still
    Emotion("grateful", "Grateful", 0.8, -0.1),
    Emotion("content", "Content", 0.7, -0.3),
    Emotion("close", "Close to somebody", 0.8, 0.1),
    Emotion("peaceful", "Peaceful", 0.7, -0.7),
    Emotion("calm", "Calm", 0.6, -0.6),
    Emotion("relieved", "Relieved", 0.6, -0.3),
    Emotion("tender", "Tender", 0.6, -0.2),
    Emotion("safe", "Safe", 0.6, -0.5),
    Emotion("rested", "Rested", 0.6, -0.4),
    Emotion("moved", "Moved", 0.4, 0.1),
    # between
    Emotion("surprised", "Surprised", 0.1, 0.7),
    Emotion("thoughtful", "Thoughtful", 0.1, -0.2),
    Emotion("nostalgic", "Nostalgic", 0.1, -0.3),
    Emotion("indifferent", "Indifferent", -0.1, -0.4),
    # unpleasant and stirred
    Emotion("restless", "Restless", -0.3, 0.5),
    Emotion("impatient", "Impatient", -0.3, 0.6),
    Emotion("irritated", "Irritated", -0.4, 0.4),
    Emotion("worried", "Worried", -0.5, 0.3),
    Emotion("embarrassed", "Embarrassed", -0.5, 0.3),
    Emotion("frustrated", "Frustrated", -0.6, 0.5),
    Emotion("anxious", "Anxious", -0.6, 0.6),
    Emotion("jealous", "Jealous", -0.6, 0.4),
    Emotion("overwhelmed", "Overwhelmed", -0.7, 0.5),
    Emotion("angry", "Angry", -0.7, 0.8),
    Emotion("afraid", "Afraid", -0.8, 0.7),
    # unpleasant and still
    Emotion("bored", "Bored", -0.3, -0.6),
    Emotion("tired", "Tired", -0.3, -0.8),
    Emotion("disappointed", "Disappointed", -0.5, -0.3),
    Emotion("discouraged", "Discouraged", -0.6, -0.4),
    Emotion("guilty", "Guilty", -0.6, -0.1),
    Emotion("lonely", "Lonely", -0.6, -0.4),
    Emotion("hurt", "Hurt", -0.7, -0.1),
    Emotion("sad", "Sad", -0.7, -0.4),
    Emotion("ashamed", "Ashamed", -0.8, -0.2),
    Emotion("empty", "Empty", -0.7, -0.7),
    Emotion("hopeless", "Hopeless", -0.9, -0.6),
)


def _folded(word: str) -> str:
    return " ".join(word.casefold().split())


_BY_WORD: Final[Mapping[str, Emotion]] = {_folded(word): emotion for emotion in EMOTIONS for word in (emotion.id, emotion.name)}


def valence_energy(words: Iterable[str]) -> tuple[float, float] | None:
    """The mean place of the words that are ours, by id or name; each counts once, and words of the user's own not at all.

    None when no word is ours.
    """
    known = {emotion.id: emotion for word in words if (emotion := _BY_WORD.get(word) or _BY_WORD.get(_folded(word)))}.values()
    if not known:
        return None
    return sum(emotion.valence for emotion in known) / len(known), sum(emotion.energy for emotion in known) / len(known)
