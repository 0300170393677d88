"""When a failed message runs again."""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_WAIT_S = 100 * 365.25 * 86_400.0
"""A hundred years: what is longer was meant as something else, and points in time have 64 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Attempts and the waits between them.

    `attempts` counts the first one too. The wait doubles from `delay_s` up to `max_delay_s`
    (`backoff="fixed"` keeps it), then moves by at most `jitter` of itself either way.
    """

    attempts: int = 5
    delay_s: float = 1.0
    max_delay_s: float = 60.0
    backoff: str = "exponential"
    jitter: float = 0.1

    def wait_s(self, failures: int, random_unit: float) -> float:
        """Seconds before the attempt that follows failure number `failures` (1 = the first).

        `random_unit` is drawn from [0, 1) by the caller, so that a seed replays a schedule.
        """
        base = self.delay_s
        if self.backoff == "exponential":
            # Doubling past 2**32 cannot matter: the cap is far below, and floats would overflow.
            base = self.delay_s * 2.0 ** min(failures - 1, 32)
        capped = min(base, self.max_delay_s)
        return max(0.0, capped * (1.0 + self.jitter * (2.0 * random_unit - 1.0)))
