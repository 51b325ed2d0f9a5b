"""A zipped folder of Markdown files, as Obsidian and others keep daily notes: one page a day.

`read_markdown(raw)` gives a `Page` for each day and a `Refusal` for each file that was not taken. It works the processor hard
for up to seconds: run it in a thread. Whether a day is plausible is the caller's question.

- Nothing that was written is lost: what became a day, a title or a tag leaves the text only if the page says exactly the same.
  What else the front matter holds stands above the text. Of line ends and empty lines at a seam only the look may change.
- Nothing is guessed. The day is at the start of the file's name: 2026-11-22, 2026_11_22 or 20261122, alone or before a space,
  comma, dash, dot or underscore; else in the front matter, under `date` or `created`, as it is written there, whatever the
  zone. 22.11.2026 is not read: elsewhere 11.12.2026 is a day in November.
- A reason never repeats what a file holds. A path does say how somebody named it: it is for the report, not for a log.
"""
