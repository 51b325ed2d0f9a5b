"""From files on a disk to a pair of databases that belong together, under the key that opens them.

Invariants:
- An empty database is made only where neither database and no key ever was, or where a founding was cut short.
- The key is made first and never overwritten; nothing can be stored before the founding is complete.
- A pair that does not belong together, a missing half, a missing or foreign key: the start is refused, nothing is changed.
- A pair of which one half was moved away since, or is still being filled, is refused like one that does not belong together.
- A migration of a file works on one of which a copy was made; the copies go at the next clean start. Of a database on a server the
  operator makes them, and nothing is ever dropped from one here.
"""
