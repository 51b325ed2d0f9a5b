"""TimOS's own archive: a zip that reads without TimOS, and that gives the same documents back.

Writing, in one pass and in this order; every call returns the bytes that are ready to be sent (often none yet):
    archive = ArchiveWriter()
    archive.add_collection(name, version)                                     then, for each of its documents,
    archive.add_document(key, created_at_ms, updated_at_ms, canonical_json)
    archive.add_day(day, markdown)                                            after all collections
    archive.add_text(name, text)                                              if there is something to tell
    archive.finish()                                                          an archive without it cannot be opened
Reading: `read_archive(raw)` gives an `ArchivedDocument` for each document, after the whole archive was checked. It works the
processor hard for up to seconds: run it in a thread.

Members: README.txt · data/<collection>.json (a long collection goes on in data/<collection>-2.json …) ·
entries/YYYY/YYYY-MM-DD.md · manifest.json, last: format version, size and SHA-256 of every other member, counts.

Invariants:
- Nothing but content shows: no account, no instance, no time of making; members are dated 1980.
- Nothing is written to disk, and while writing no more is held than a chunk and a line of the manifest for each member.
- An archive is hostile until checked (`formats.zips`), and no document of it is given before all members have the checksums
  of the manifest.
"""
