"""Sessions: made at login, checked at every request, refreshed, ended.

- The check reads the database each time, so ending a session, disabling an account, or a new password counts at once.
- A refresh is one conditional UPDATE. Who repeats it with the direct predecessor within 30 seconds gets the same successor
  (a second tab, a lost answer); any older token means that a copy is about, and ends the session.
- The successor is stored only sealed under its predecessor, and wiped after its 30 seconds.
- Device and network address are sealed under the user's personal key.
"""
