"""The spool: a queue's events in an SQLite file, through crashes and restarts."""
