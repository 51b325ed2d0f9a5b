"""The words of the demo's person: Mara, who draws maps in a small studio, runs along a river, and keeps in touch too rarely.

Sentences are drawn like cards, so that one comes back only after all others of its kind. `{who}`, `{food}`, `{book}` and
`{place}` are filled the same way.
"""

from collections.abc import Mapping
from typing import Final

Cards = tuple[str, ...]

FILLINGS: Final[Mapping[str, Cards]] = {
    "who": ("Nora", "Tom", "Elin", "my brother", "Mum", "Jonas", "my neighbour", "Priya"),
    "food": ("lentil soup", "a mushroom risotto", "flatbread", "a tray of roast carrots", "pancakes for supper", "noodles with greens"),
    "book": ("the novel about the lighthouse", "the history of salt", "a thin book of essays", "the old travel diary", "the book on birds"),
    "sheet": ("the northern sheet", "sheet four", "the delta", "the sheet with the two bridges", "sheet seven", "the upper valley"),
    "place": ("the river path", "the market square", "the hill behind the station", "the library garden", "the canal", "the allotments"),
}

OPENINGS: Final[Mapping[str, Cards]] = {
    "high": (
        "Woke before the alarm and did not mind.",
        "A light day from the first minute.",
        "The kitchen was full of sun when I came down.",
        "One of those mornings when the coffee tastes of something.",
        "Slept well, and it showed in everything.",
        "Windows open all morning.",
        "Began slowly, and on purpose.",
        "Good start: phone in the drawer, kettle on, pencil out.",
        "Cold air, clear head.",
        "I caught myself humming on the stairs.",
    ),
    "middle": (
        "An ordinary day, which is no complaint.",
        "Grey outside, warm inside.",
        "A day of small errands.",
        "Got up late and spent an hour catching up with myself.",
        "Nothing stood out this morning, and that was fine.",
        "Rain until noon.",
        "Half of the day went to things that nobody will see.",
        "Up at the usual time; toast, news, tram.",
        "Started with the list, as on most days.",
        "Neither fast nor slow today.",
    ),
    "low": (
        "Slept badly again and felt it until noon.",
        "Everything took twice as long today.",
        "A heavy start; I kept looking at the clock.",
        "Woke at four and lay there doing sums.",
        "I did not want to get up, and then did.",
        "The day was over before I had found its handle.",
        "Tired behind the eyes all day.",
        "Said yes to two things in the first hour that I should have thought about.",
        "My patience was thin, and I knew it.",
        "A day to get through.",
    ),
}

WORK: Final[Mapping[str, Cards]] = {
    "high": (
        "Found the right blue for {sheet}, after a row of wrong ones.",
        "Two hours at the drawing table without a single message, and {sheet} has its contour lines.",
        "Showed {sheet} to {who}, who stood in front of it for a long time. That was the answer I wanted.",
        "We agreed on a date for the print, and it is a sane one.",
        "Solved the lettering of {sheet} by leaving half of it out.",
        "The archive sent the old survey, folded eight times and beautiful.",
        "Cleared the desk, and with it the question I had been circling since last week.",
        "Taught the new trainee how to hatch a slope, and understood it better myself.",
        "The client rang only to say thank you.",
        "Finished the legend of {sheet}. Small thing, but it was the last loose page.",
    ),
    "middle": (
        "Checked the place names of {sheet}; three villages have two spellings each.",
        "The meeting was long, but it ended with a list.",
        "Sent the offer for the school atlas and tried not to think about it any more.",
        "Moved the same label back and forth, and in the end it stayed where it was.",
        "Paid invoices, wrote two, chased one.",
        "Half a day on the scale bar of {sheet}, of all things.",
        "Scanned forty sheets while a podcast about bridges ran.",
        "Elin corrected {sheet} while I drew; we hardly spoke, and it was companionable.",
        "Mostly mail. I answered all of it, which is rare.",
        "Tested papers: the rough one is lovely, and swallows every thin line.",
    ),
    "low": (
        "The client wants the colours of {sheet} changed, and I said yes too fast.",
        "Lost an afternoon's drawing because I had saved it in two places and kept the wrong one.",
        "The printer moved the date of {sheet} forward without asking.",
        "Sat in front of {sheet} and drew nothing that stayed.",
        "Three calls, none of them necessary, all of them loud.",
        "I put off the tax letters once more, and they are getting louder in their drawer.",
        "Snapped at Jonas about a ruler. Apologised at lunch.",
        "The estimate was wrong by a week, and it was my estimate.",
        "Stayed until eight to mend what I had broken at four.",
        "Everybody needed something by noon.",
    ),
}

PEOPLE: Final[Mapping[str, Cards]] = {
    "high": (
        "Lunch with {who} on the steps by the water; we laughed about the same thing for ten minutes.",
        "A long call with {who}, without either of us doing anything else meanwhile.",
        "Walked along {place} with {who} until the lamps came on.",
        "Cooked {food} for {who}, and there was nothing left over.",
        "{who} told me some good news and asked me to keep it, so I keep it here.",
        "Played cards with {who}. I lost gladly.",
        "Met {who} by chance at {place}, and the errand became an afternoon.",
        "A postcard from {who} on the mat.",
    ),
    "middle": (
        "Short call with {who} between two trams.",
        "Saw {who} at {place}, and we agreed to meet properly soon.",
        "Had {food} with {who}; we talked about the weather and meant it.",
        "Wrote to {who} at last.",
        "Helped {who} carry a table up four floors.",
        "{who} came by to borrow the drill and stayed for tea.",
        "Quiet evening with {who}, each with a book.",
    ),
    "low": (
        "Did not call {who} back. I noticed it at dinner, and again now.",
        "A silly argument with {who} about nothing, which was of course about something.",
        "Cancelled on {who} for the second time.",
        "{who} asked how I was, and I said fine in a voice that closed the door.",
        "Felt far away from everybody at the table.",
        "Read an old message from {who} and did not know what to answer.",
    ),
}

BODY: Final[Mapping[str, Cards]] = {
    "ran": (
        "Ran along {place} before breakfast; the first kilometre argued, the others did not.",
        "An easy run, with a heron at the bend.",
        "Ran slowly and came home in a better mood than I left in.",
        "Eight kilometres, the last one into the wind.",
        "Ran with Priya. We talked the whole way, so the pace must have been right.",
        "A short run between two showers.",
        "Tried the stairs by {place}. Once was enough.",
        "Ran at dusk for once; the river was like slate.",
        "Half an hour without a watch. I could not say how far.",
        "Met {who} on the way, ran two bridges together, and talked about {book}.",
        "Legs like wood at first, then only legs.",
        "Ran past {place} and noticed for the first time how it smells there.",
    ),
    "still": (
        "Stretched for ten minutes instead of running.",
        "No run. The shoes stood by the door and said nothing.",
        "Took the stairs all day as a token.",
        "My knee is quiet again, which is good to know.",
        "Sat too long and felt it in my shoulders.",
        "Walked home by way of {place}.",
    ),
}

ENDINGS: Final[Mapping[str, Cards]] = {
    "high": (
        "I would like more days like this, and I think I know what they are made of.",
        "Read {book} until the tea was cold.",
        "In bed by ten with nothing left over.",
        "If I remember one thing of today, then the light at half past six.",
        "Wrote tomorrow's list in three lines. That is enough.",
        "Grateful, plainly.",
        "Wrote two letters by hand and found stamps for both.",
        "Left the dishes, on purpose, and sat on the step.",
        "{who} would have liked this day.",
        "Washed the brushes while the radio played something old.",
        "Nothing hurts, nothing is due, the window is open.",
        "Went to sleep in the middle of a sentence of {book}.",
        "Made {food} with too much pepper, just as I like it.",
    ),
    "middle": (
        "Twenty pages of {book}, then sleep.",
        "Made {food} and froze half of it.",
        "Repotted the basil. It may forgive me.",
        "Tomorrow: one thing first, and then the others.",
        "Washing, dishes, a little music.",
        "Nothing to add, and that is all right.",
        "Watched half of a film and will not watch the rest.",
        "Ironed three shirts, which counts as a plan carried out.",
        "Looked for the other glove. It stays lost.",
        "Early to bed, or nearly.",
        "Thought of writing to {who}. Tomorrow.",
        "A cup of tea at {place} on the way home.",
    ),
    "low": (
        "Screen until midnight. I know.",
        "Ate {food} standing up.",
        "Going to bed early is the only plan I have.",
        "Tomorrow the letters. Really.",
        "I am writing this down mostly so that it stops turning.",
        "It will look smaller in a week.",
        "I let the phone ring, and then felt the silence after it.",
        "Took it out on the onions.",
        "I would have liked to tell {who}, and did not.",
        "Closed the curtains before it was dark.",
        "Nothing is really wrong. I know that, too.",
    ),
}

BAD_DAYS: Final[Cards] = (
    "Dad is in hospital. They say that it looks worse than it is, and I am trying to believe them.",
    "Sat by the bed for three hours. We did a crossword badly, and it was the best part of the day.",
    "The corridor smells of floor polish and soup. I could draw it from memory by now.",
    "Told the studio that I would be slow for a while. Nobody minded but me.",
    "He slept, I counted the ceiling tiles, Mum read the same page.",
    "Caught a cold on top of it, so I was only allowed to wave through the glass.",
    "Fever. The whole day had edges made of wool.",
    "Cried on the tram, behind the timetable.",
    "The doctor used the word 'better' for the first time, and then spoke of other things.",
    "Did the shopping for two households, and forgot the bread for both.",
    "He wanted to know how the river map was going. I had no idea, and told him it was going well.",
    "He walked to the window and back. We applauded like fools.",
)

AWAY_DAYS: Final[Cards] = (
    "The lake is exactly where we left it.",
    "Slept nine hours in a room that smells of wood.",
    "Walked up to the chapel with {who} and ate walnuts out of a hat.",
    "No maps for a week. I only looked at one, and it was somebody else's.",
    "Sat on the landing stage until my hands were cold.",
    "Bad weather moved along the far shore all evening and never came over.",
    "Rowed badly, and in circles.",
    "Read {book} in one go, on the bench behind the house.",
)

TITLES: Final[Mapping[str, Cards]] = {
    "high": (
        "The right blue",
        "Windows open",
        "A good long day",
        "Humming",
        "Light at half past six",
        "More of this",
        "Room to think",
        "Slate and silver",
        "A loose page less",
        "Unhurried",
    ),
    "middle": (
        "Lists",
        "Grey and warm",
        "Errands",
        "One thing first",
        "Slow rain",
        "An ordinary day",
        "Neither nor",
        "Toast and tram",
        "Half done",
        "The other glove",
    ),
    "low": (
        "Twice as long",
        "Thin patience",
        "Four in the morning",
        "Letters in a drawer",
        "Through the day",
        "Too many calls",
        "Narrow",
        "Onions",
        "Not my best",
        "Behind the eyes",
    ),
    "bad": ("The corridor", "Waiting", "Ceiling tiles", "Crossword", "Wool", "To the window and back"),
    "away": ("The lake", "No maps", "The landing stage", "Walnuts", "Somebody else's map", "Nine hours"),
}

NOTES: Final[Cards] = (
    "Idea: print the tributaries on tracing paper, as a second layer.",
    "A boy on the tram explained to his grandmother how rivers find the sea. He was nearly right.",
    "Ask Elin whether the northern sheets need a grid at all.",
    "The baker knows my order now.",
    "An owl, heard from the bathroom window.",
    "Remember: say less in meetings, and say it earlier.",
    "Buy ink, stamps, garlic.",
    "Quarter of an hour on the bench, doing nothing. Recommended.",
    "The knee is fine. Stop writing about the knee.",
    "A sentence from the radio: not everything that is late is lost.",
    "Found the missing survey sheet behind the radiator.",
    "Left the phone at home and reached for it eleven times.",
)

EMOTIONS: Final[Mapping[str, Cards]] = {
    "high": ("grateful", "hopeful", "calm", "proud", "curious", "content", "inspired", "playful", "close", "rested"),
    "middle": ("thoughtful", "content", "restless", "tired", "calm", "impatient", "curious", "nostalgic"),
    "low": ("tired", "anxious", "frustrated", "overwhelmed", "discouraged", "irritated", "guilty", "lonely"),
    "bad": ("worried", "sad", "afraid", "tired", "tender", "empty"),
    "away": ("peaceful", "rested", "playful", "amused", "grateful", "close"),
}

GIVERS: Final[Cards] = (
    "A walk by the river",
    "Drawing without interruption",
    "Time with friends",
    "Cooking",
    "Reading in the evening",
    "An early night",
)
DRAINERS: Final[Cards] = ("The news", "Mail", "Noise", "Putting things off", "Too little sleep")

AVOIDING: Final[Cards] = ("The tax letters", "Calling the dentist", "The talk with Jonas about the deadline", "Sorting the cellar")

HONEST_NOTES: Final[Mapping[str, Cards]] = {
    "high": (
        "I was where I was today, most of the time.",
        "Doing less was the trick.",
        "I asked for help, and nothing bad happened.",
        "The hour without the phone is worth more than the other three.",
    ),
    "middle": (
        "I hid behind small tasks for a while.",
        "It was all right. I want to stop apologising for all right.",
        "I said soon when I meant no.",
        "Half present, half ahead of myself.",
    ),
    "low": (
        "I am more tired than I tell people.",
        "I was unfair, and I knew it while I spoke.",
        "What I put off cost more than doing it would have.",
        "I looked for comfort in the screen, and it was not there.",
    ),
}

MORNING_NOTES: Final[Cards] = (
    "Dreamt of stairs.",
    "Two cups before eight.",
    "The sky is doing something good.",
    "A little stiff, otherwise fine.",
    "Quiet house.",
    "Birds before the alarm.",
)

HIGHLIGHTS: Final[Cards] = (
    "The first sheet of the river map hangs on the wall.",
    "Three runs, none of them heroic.",
    "An evening with {who} that was too short.",
    "Finished {book}.",
    "Said no to something, kindly.",
    "A whole morning without messages.",
    "Cooked {food} and shared it.",
    "The trainee drew a slope on her own.",
    "Found the side of the canal that has benches.",
    "Slept through, four nights in a row.",
)

CORRECTIONS: Final[Cards] = (
    "Phone stays in the drawer until nine.",
    "Run on Tuesday, whatever the weather.",
    "Open the tax letters, all of them, with tea.",
    "Call Mum on Wednesday rather than Sunday.",
    "No meetings before ten.",
    "In bed by half past ten on three nights.",
    "One evening for Nora.",
    "Plan Monday on Friday.",
)

REFLECTIONS: Final[Mapping[str, Cards]] = {
    "high": (
        "A week with air in it. The runs and the early nights carried it more than any plan did.",
        "I did fewer things and finished more of them. Keep that.",
        "The map is moving again, and so am I. I saw people without a reason, which I want to do more often.",
    ),
    "middle": (
        "Neither a good week nor a bad one. Monday ate Tuesday, and Thursday gave it back.",
        "I was busy with what was loud. Next week the quiet thing goes first.",
        "Steady. I notice that I write more on the days when I sleep enough.",
    ),
    "low": (
        "Too many evenings in front of the screen. I know what helps, and did little of it.",
        "A narrow week. The list won. I want one protected morning, and I want to defend it.",
        "Short nights, short temper. I owe Jonas a coffee.",
    ),
    "bad": (
        "Most of this week happened in a corridor. I did what there was to do. That has to be enough.",
        "Dad is better. I am tired to the bone, and I let people cook for me.",
    ),
    "away": ("The lake did what it does. I would like to bring the mornings home with me.",),
}
