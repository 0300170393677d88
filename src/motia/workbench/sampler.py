"""Looks at the queues now and then, so that their depth over time can be drawn."""

from __future__ import annotations

import asyncio

from motia.backends.protocol import Backend
from motia.core.clock import Clock
from motia.core.message import QueueName
from motia.errors import BackendError
from motia.tracing.store import DepthSample, TraceStore

INTERVAL_S = 10
"""Of the looks in so many seconds the worst is kept."""
_LOOK_S = 1.0
_SHARE = 0.01
"""Most of the time that looking may take: where a million messages wait it looks less often."""


class DepthSampler:
    """A `Service`. Samples every queue that holds something, and once more as it becomes empty."""

    def __init__(self, backend: Backend, traces: TraceStore, clock: Clock) -> None:
        self._backend = backend
        self._traces = traces
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self._held: set[QueueName] = set()

    async def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="motia.workbench.sampler")

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def sample(self) -> None:
        """Take one sample now. Failure: `BackendError`."""
        now_ms = self._clock.now_ms()
        at_s = now_ms // 1000 // INTERVAL_S * INTERVAL_S
        samples: list[DepthSample] = []
        for depth in await self._backend.queue.depths():
            count = depth.ready + depth.blocked + depth.claimed
            oldest_ms = depth.oldest_ready_at_ms
            age_ms = 0 if oldest_ms is None else max(0, now_ms - oldest_ms)
            if count:
                samples.append(DepthSample(at_s, *depth.queue, count, age_ms))
        held = {QueueName(sample.topic, sample.step) for sample in samples}
        samples += [DepthSample(at_s, *emptied, 0, 0) for emptied in self._held - held]
        self._held = held
        if samples:
            await self._traces.add_depths(samples)

    async def _run(self) -> None:
        pause_s = _LOOK_S
        while True:
            await self._clock.sleep(pause_s, backstop=True)
            began_s = self._clock.monotonic_s()
            try:
                await self.sample()
            except BackendError:
                # Told by whoever works on the store meanwhile; the next sample may succeed.
                continue
            took_s = self._clock.monotonic_s() - began_s
            pause_s = min(INTERVAL_S, max(_LOOK_S, took_s / _SHARE))
