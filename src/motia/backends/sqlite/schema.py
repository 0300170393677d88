"""The tables, as forward-only migrations. Within a minor version every change is additive."""

from __future__ import annotations

READY, SCHEDULED, BLOCKED, CLAIMED = 0, 1, 2, 3
"""States of a delivery: due · due later · behind the head of its group · held by a node."""

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE counter (value INTEGER NOT NULL);
    INSERT INTO counter VALUES (0);

    CREATE TABLE nodes (
      id BLOB PRIMARY KEY, pid INTEGER NOT NULL, lock_path TEXT NOT NULL, started_at INTEGER NOT NULL
    ) WITHOUT ROWID;

    CREATE TABLE queues (
      id INTEGER PRIMARY KEY, topic TEXT NOT NULL, step TEXT NOT NULL, UNIQUE (topic, step)
    );

    CREATE TABLE deliveries (
      seq INTEGER PRIMARY KEY,
      id BLOB NOT NULL,
      queue INTEGER NOT NULL,
      state INTEGER NOT NULL,
      due_at INTEGER,
      group_key TEXT,
      claimed_by BLOB,
      token INTEGER NOT NULL DEFAULT 0,
      failures INTEGER NOT NULL DEFAULT 0,
      crashes INTEGER NOT NULL DEFAULT 0,
      suspect INTEGER NOT NULL DEFAULT 0,
      enqueued_at INTEGER NOT NULL,
      trace TEXT NOT NULL,
      attributes BLOB,
      errors BLOB,
      payload BLOB NOT NULL
    );
    CREATE UNIQUE INDEX deliveries_by_id ON deliveries (id, queue);
    CREATE INDEX deliveries_ready ON deliveries (queue, seq) WHERE state = 0;
    CREATE INDEX deliveries_scheduled ON deliveries (due_at) WHERE state = 1;
    CREATE INDEX deliveries_claimed ON deliveries (claimed_by, queue) WHERE state = 3;
    CREATE INDEX deliveries_grouped ON deliveries (queue, group_key, seq) WHERE group_key IS NOT NULL;
    CREATE INDEX deliveries_suspect ON deliveries (seq) WHERE suspect = 1;

    CREATE TABLE dead_letters (
      seq INTEGER PRIMARY KEY,
      id BLOB NOT NULL,
      queue INTEGER NOT NULL,
      group_key TEXT,
      code TEXT NOT NULL,
      error BLOB NOT NULL,
      errors BLOB,
      failures INTEGER NOT NULL,
      crashes INTEGER NOT NULL,
      enqueued_at INTEGER NOT NULL,
      died_at INTEGER NOT NULL,
      trace TEXT NOT NULL,
      attributes BLOB,
      payload BLOB NOT NULL
    );
    CREATE INDEX dead_letters_by_queue ON dead_letters (queue, seq);
    CREATE INDEX dead_letters_by_id ON dead_letters (id);
    CREATE INDEX dead_letters_by_time ON dead_letters (died_at);

    CREATE TABLE state (
      scope TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, version INTEGER NOT NULL,
      expires_at INTEGER,
      PRIMARY KEY (scope, key)
    ) WITHOUT ROWID;
    CREATE INDEX state_expiring ON state (expires_at) WHERE expires_at IS NOT NULL;

    CREATE TABLE schedules (key TEXT PRIMARY KEY, fired_at INTEGER NOT NULL) WITHOUT ROWID;
    """,
)

VERSION = len(MIGRATIONS)
"""Of the schema this code writes; kept in `PRAGMA user_version`."""
