"""Writes to a database of diskcache's shape until it is killed; needs nothing but Python.

    writer.py DATABASE CHECKPOINT_PAGES

Every transaction adds a row and changes an old one, and notes in another table how many rows there are and what their
numbers come to: a copy that is of one moment agrees with that. The log is copied into the database after so many pages.
"""

import sqlite3
import sys

connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
connection.execute("PRAGMA journal_mode = wal")
connection.execute("PRAGMA synchronous = off")
connection.execute(f"PRAGMA wal_autocheckpoint = {sys.argv[2]}")
connection.executescript(
    """
    CREATE TABLE Cache (
        rowid INTEGER PRIMARY KEY, key BLOB, raw INTEGER, store_time REAL, expire_time REAL, access_time REAL,
        access_count INTEGER DEFAULT 0, tag BLOB, size INTEGER DEFAULT 0, mode INTEGER DEFAULT 0, filename TEXT,
        value BLOB);
    CREATE UNIQUE INDEX Cache_key_raw ON Cache (key, raw);
    CREATE TABLE Settings (key TEXT NOT NULL UNIQUE, value);
    INSERT INTO Settings VALUES ('count', 0), ('sum', 0);
    """
)
print("ready", flush=True)
row = 0
while True:
    row += 1
    # After enough rows old ones go, so that pages are used again and the file stays small.
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO Cache (key, raw, mode, size, value) VALUES (?, 1, 1, ?, ?)", (f"{row:032x}", row, "v" * 700))
    connection.execute("DELETE FROM Cache WHERE key = ?", (f"{row - 500:032x}",))
    connection.execute("UPDATE Cache SET size = size + 1 WHERE key = ?", (f"{row * 7919 % row:032x}",))
    connection.execute("UPDATE Settings SET value = (SELECT count(*) FROM Cache) WHERE key = 'count'")
    connection.execute("UPDATE Settings SET value = (SELECT sum(size) FROM Cache) WHERE key = 'sum'")
    connection.execute("COMMIT")
