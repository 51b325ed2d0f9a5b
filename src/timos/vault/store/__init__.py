"""The only code that seals and opens rows.

Invariants:
- The vault comes from unlocked keys, never from an argument: a caller cannot name somebody else's.
- Whatever is stored in clear is part of the sealed context: a row moved, swapped or renamed does not open (`sealing`).
- A row that does not open is an error. It is never taken for an empty one, and nothing is written over it; its owner may delete it.
- Every write is conditional on the gate, and a change also on the salt of what was read, in the same statement. A miss is
  read again and decided again, three times at most: no write outlives its key, and none overwrites what it has not seen (`vault`).
"""
