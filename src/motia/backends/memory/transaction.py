"""What the operations of one batch work on: the tables, the way back, and what the batch left behind."""

from __future__ import annotations

from motia.backends.memory.journal import Journal
from motia.backends.memory.store import MemoryStore


class Transaction:
    """One a backend; used for one batch after the other."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.journal = Journal()
        self.made_ready = False
        """The last batch left a message for any node to take."""
        self.made_changes = False
        """The last batch lengthened the change log."""
