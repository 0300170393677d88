"""The tables, as forward-only migrations. Within a minor version every change is additive."""

from __future__ import annotations

READY, SCHEDULED, BLOCKED, CLAIMED, AWAITS_KEY, AWAITS_RATE = 0, 1, 2, 3, 4, 5
"""States of a delivery: due · due later · behind the head of its group · held by a node · due, but the
concurrency of its key is used up · due, but the rate of its key is."""

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
    """
    ALTER TABLE deliveries ADD COLUMN rank INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE deliveries ADD COLUMN concurrency_key TEXT;
    ALTER TABLE deliveries ADD COLUMN rate_key TEXT;
    ALTER TABLE deliveries ADD COLUMN expires_at INTEGER;
    ALTER TABLE deliveries ADD COLUMN debounce_key TEXT;
    ALTER TABLE deliveries ADD COLUMN debounce_by INTEGER;
    ALTER TABLE deliveries ADD COLUMN bulk BLOB;
    DROP INDEX deliveries_ready;
    CREATE INDEX deliveries_ready ON deliveries (queue, rank, seq) WHERE state = 0;
    CREATE INDEX deliveries_by_concurrency_key ON deliveries (queue, concurrency_key, state, rank, seq)
      WHERE concurrency_key IS NOT NULL;
    CREATE INDEX deliveries_by_rate_key ON deliveries (queue, rate_key, state, rank, seq)
      WHERE rate_key IS NOT NULL;
    CREATE INDEX deliveries_limited ON deliveries (queue, seq) WHERE state > 3;
    CREATE INDEX deliveries_expiring ON deliveries (expires_at) WHERE expires_at IS NOT NULL;
    CREATE INDEX deliveries_debounced ON deliveries (queue, debounce_key) WHERE debounce_key IS NOT NULL;
    CREATE INDEX deliveries_of_bulk ON deliveries (bulk) WHERE bulk IS NOT NULL;

    ALTER TABLE dead_letters ADD COLUMN rank INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE dead_letters ADD COLUMN concurrency_key TEXT;
    ALTER TABLE dead_letters ADD COLUMN rate_key TEXT;
    ALTER TABLE dead_letters ADD COLUMN bulk BLOB;
    CREATE INDEX dead_letters_of_bulk ON dead_letters (bulk) WHERE bulk IS NOT NULL;

    CREATE TABLE dedupes (
      queue INTEGER NOT NULL, key TEXT NOT NULL, id BLOB NOT NULL, expires_at INTEGER NOT NULL,
      PRIMARY KEY (queue, key)
    ) WITHOUT ROWID;
    CREATE INDEX dedupes_by_time ON dedupes (expires_at);

    CREATE TABLE rates (
      queue INTEGER NOT NULL, key TEXT NOT NULL, most INTEGER NOT NULL, period INTEGER NOT NULL,
      starts TEXT NOT NULL, wake_at INTEGER,
      PRIMARY KEY (queue, key)
    ) WITHOUT ROWID;
    CREATE INDEX rates_waking ON rates (wake_at) WHERE wake_at IS NOT NULL;

    CREATE TABLE pauses (
      topic TEXT NOT NULL, step TEXT NOT NULL, since INTEGER NOT NULL, PRIMARY KEY (topic, step)
    ) WITHOUT ROWID;

    CREATE TABLE cancellations (
      node BLOB NOT NULL, seq INTEGER NOT NULL, id BLOB NOT NULL, PRIMARY KEY (node, seq)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE stream_groups (
      id INTEGER PRIMARY KEY, stream TEXT NOT NULL, name TEXT NOT NULL,
      version INTEGER NOT NULL, timestamp INTEGER NOT NULL,
      UNIQUE (stream, name)
    );

    CREATE TABLE stream_items (
      scope INTEGER NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL, version INTEGER NOT NULL,
      data BLOB NOT NULL,
      PRIMARY KEY (scope, id)
    ) WITHOUT ROWID;

    CREATE TABLE changes (
      seq INTEGER PRIMARY KEY,
      scope INTEGER NOT NULL,
      key TEXT,
      kind TEXT NOT NULL,
      version INTEGER,
      timestamp INTEGER NOT NULL,
      data BLOB NOT NULL
    );
    CREATE INDEX changes_by_version ON changes (scope, version) WHERE version IS NOT NULL;
    """,
    """
    CREATE TABLE changes_trimmed (
      seq INTEGER NOT NULL, version INTEGER NOT NULL, timestamp INTEGER NOT NULL
    );
    INSERT INTO changes_trimmed VALUES (0, 0, 0);
    """,
    """
    CREATE TABLE requests (
      scope TEXT NOT NULL, key TEXT NOT NULL, fingerprint BLOB NOT NULL, node BLOB NOT NULL,
      status INTEGER, headers BLOB, body BLOB, expires_at INTEGER NOT NULL,
      PRIMARY KEY (scope, key)
    ) WITHOUT ROWID;
    CREATE INDEX requests_by_time ON requests (expires_at);
    """,
    """
    CREATE TABLE runs (
      id BLOB NOT NULL, step TEXT NOT NULL, topic TEXT NOT NULL, status TEXT NOT NULL,
      started_at INTEGER NOT NULL, ended_at INTEGER, trace TEXT NOT NULL, input BLOB NOT NULL,
      output BLOB, error BLOB,
      PRIMARY KEY (id, step)
    ) WITHOUT ROWID;
    CREATE INDEX runs_ended ON runs (ended_at) WHERE ended_at IS NOT NULL;

    CREATE TABLE journal (
      id BLOB NOT NULL, step TEXT NOT NULL, name TEXT NOT NULL, position INTEGER NOT NULL,
      kind TEXT NOT NULL, status TEXT NOT NULL, at INTEGER NOT NULL, version INTEGER NOT NULL,
      value BLOB, error BLOB, attempts INTEGER NOT NULL, due_at INTEGER, mail_id BLOB,
      PRIMARY KEY (id, step, name)
    ) WITHOUT ROWID;

    CREATE TABLE waits (
      id BLOB NOT NULL, step TEXT NOT NULL, name TEXT NOT NULL, queue INTEGER NOT NULL,
      topic TEXT NOT NULL, key TEXT NOT NULL,
      PRIMARY KEY (id, step, name)
    ) WITHOUT ROWID;
    CREATE INDEX waits_by_key ON waits (topic, key);

    CREATE TABLE mail (
      seq INTEGER PRIMARY KEY, id BLOB NOT NULL, topic TEXT NOT NULL, key TEXT NOT NULL,
      payload BLOB NOT NULL, at INTEGER NOT NULL, keep_until INTEGER NOT NULL
    );
    CREATE INDEX mail_by_key ON mail (topic, key, seq);
    CREATE INDEX mail_by_time ON mail (keep_until);
    CREATE TABLE mail_fields (topic TEXT NOT NULL, fields TEXT NOT NULL, PRIMARY KEY (topic, fields))
      WITHOUT ROWID;
    """,
    """
    CREATE TABLE bulks (
      id BLOB PRIMARY KEY, total INTEGER NOT NULL, cancelled INTEGER NOT NULL DEFAULT 0,
      started_at INTEGER NOT NULL, expires_at INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX bulks_by_time ON bulks (expires_at);
    """,
    """
    CREATE TABLE cancelled (
      node BLOB NOT NULL, seq INTEGER NOT NULL, token INTEGER NOT NULL DEFAULT 0, id BLOB NOT NULL,
      PRIMARY KEY (node, seq, token)
    ) WITHOUT ROWID;
    INSERT INTO cancelled (node, seq, id) SELECT node, seq, id FROM cancellations;
    DROP TABLE cancellations;
    ALTER TABLE cancelled RENAME TO cancellations;
    """,
    """
    CREATE TABLE state_watch (until_at INTEGER NOT NULL, since INTEGER NOT NULL, last INTEGER NOT NULL);
    INSERT INTO state_watch VALUES (0, 0, 0);
    CREATE TABLE state_changes (
      number INTEGER PRIMARY KEY, scope TEXT NOT NULL, key TEXT, change TEXT NOT NULL,
      version INTEGER NOT NULL
    );
    """,
    # A letter without a cause was buried by an older version; reads make up for it.
    """
    ALTER TABLE dead_letters ADD COLUMN cause TEXT;
    CREATE INDEX dead_letters_by_cause ON dead_letters (queue, cause, died_at);
    CREATE INDEX dead_letters_without_cause ON dead_letters (seq) WHERE cause IS NULL;
    """,
)

VERSION = len(MIGRATIONS)
"""Of the schema this code writes; kept in `PRAGMA user_version`."""
