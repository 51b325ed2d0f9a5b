"""What every part of TimOS stands on: errors, time, ids and the database ports. Imports nothing of ours."""
