"""Durable queues: what they promise, who decides about a message, and what they read from storage.

A topic fans out to every step that subscribes to it; each (topic, step) pair is a queue of its own.

    enqueue ─► ready ─► claimed ─► completed            the delivery goes
                 ▲         │  └──► dead letter          budgets used up, or not retryable
      scheduled ─┘◄────────┘ retry, snooze, release
    blocked ─► ready          the head of its FIFO group has gone

`transitions.py` decides (pure), `consumer` in the engine acts, the backend only compares and sets.
"""
