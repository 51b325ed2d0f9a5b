"""`timos leakcheck`: a whole instance in a folder of its own, canaries written through everything, then a search for them in every byte.

It checks that
- no text, number, day, week, address, name, password, token or device of a user is readable in a database, a write-ahead log, a backup,
  the log output or a temporary file, in any of the usual spellings, compressed or not; ids of users and sessions are nowhere but in
  the platform's files, ids of records nowhere;
- the server leaves no temporary file, and holds none open that is not to be seen;
- no stored value joins the two databases, and the order of rows in the vault does not follow the order of sign-up;
- what was erased is in no file any more, while the server still runs;
- without the master key the instance does not open, and with a foreign one neither.
"""
