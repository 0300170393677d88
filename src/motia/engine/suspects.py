"""When a suspect runs: alone, so that who takes its process down is known, and nobody else pays for it.

    hold ─► clearing: nothing starts ──nothing runs──► trial: nothing starts beside it ──► ended
               │ too long                                 │ too long, and not its last
               └────────► open: others start, for as long ◄┘

Every turn of clearing is twice as long as the one before, so what runs long keeps a suspect waiting but not
for ever, and a node spends at most half its time waiting for it. The trial whose crash would bury the message
is never opened.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from motia.core.clock import Clock, Timer
from motia.core.message import Claim

_PATIENCE_S = 10.0
"""How long others are kept from starting at first, while a suspect waits for its turn or runs."""


class Suspects:
    """Those this node has claimed. Ask `blocking` before anything is started."""

    def __init__(self, clock: Clock, max_crashes: int, opened: Callable[[], None]) -> None:
        """`opened` is called when others may start again although no suspect has ended."""
        self._clock = clock
        self._max_crashes = max_crashes
        self._opened = opened
        self._timer: Timer | None = None
        self._patience_s = _PATIENCE_S
        self._on_trial: Claim | None = None
        self.held: deque[Claim] = deque()
        """Not started yet."""
        self.blocking = False
        """Nothing else may start now."""

    def hold(self, claim: Claim) -> None:
        """Take a suspect; it is started by `take`, once nothing runs."""
        self.held.append(claim)
        if self._timer is None and not self.blocking:
            self._clear()

    def take(self) -> Claim:
        """The next one, whose trial begins now."""
        claim = self._on_trial = self.held.popleft()
        self._stop_timer()
        self._patience_s = _PATIENCE_S
        self.blocking = True
        if claim.crashes + 1 < self._max_crashes:
            self._timer = self._clock.call_later(_PATIENCE_S, self._open)
        return claim

    def ended(self, claim: Claim) -> None:
        """A claim has ended, if it was the one on trial so has its trial."""
        if claim is self._on_trial:
            self._rest()
            if self.held:
                self._clear()

    def give_back(self) -> list[Claim]:
        """Those that were not started: they are this node's no more."""
        claims = list(self.held)
        self.held.clear()
        if self._on_trial is None:
            self._rest()
        return claims

    def _clear(self) -> None:
        self.blocking = True
        self._timer = self._clock.call_later(self._patience_s, self._open)

    def _open(self) -> None:
        if self._on_trial is None:
            self._patience_s *= 2
        self._on_trial = None
        self.blocking = False
        self._timer = self._clock.call_later(self._patience_s, self._look_again)
        self._opened()

    def _look_again(self) -> None:
        self._timer = None
        if self.held:
            self._clear()

    def _rest(self) -> None:
        self._stop_timer()
        self._on_trial = None
        self._patience_s = _PATIENCE_S
        self.blocking = False

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
