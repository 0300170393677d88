"""Fires cron ticks and points in time: each is enqueued at most once over all nodes (R8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from motia import encoding
from motia.core.batch import Batch, Fire
from motia.core.message import MessageId, NewMessage, TraceContext
from motia.core.registry import Registry, queue_of_trigger
from motia.core.step import Step
from motia.core.trigger import CronTrigger
from motia.cron.expression import CronExpression, parse
from motia.cron.ticks import due_ticks
from motia.engine.periodic import Periodic

if TYPE_CHECKING:
    from motia.engine.engine import Engine


@dataclass(frozen=True, slots=True)
class Schedule:
    """One cron trigger of the registry."""

    key: str
    step: Step
    index: int
    trigger: CronTrigger
    expression: CronExpression


def schedule_key(step: Step, index: int) -> str:
    """Under which the store marks what was fired; changes with the expression, so an edit begins anew."""
    trigger = step.triggers[index]
    what = f"{trigger.expression} {trigger.timezone or ''}" if isinstance(trigger, CronTrigger) else "at"
    return f"{step.name}#{index}:{what}"


def _schedules_of(registry: Registry, timezone: str) -> list[Schedule]:
    return [
        Schedule(
            schedule_key(step, index),
            step,
            index,
            trigger,
            parse(trigger.expression, trigger.timezone or timezone),
        )
        for step, index, trigger in registry.cron_triggers
    ]


class Schedules(Periodic):
    """Sleeps until the nearest tick, never longer than a second: the clock may be set meanwhile."""

    task = "firing schedules"
    every_s = 1.0

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._since_ms = 0
        self._marks: dict[str, int] = {}
        self.schedules = _schedules_of(engine.registry, engine.settings.timezone)

    async def start(self) -> None:
        if not self._stopped:
            return
        self._since_ms = self._engine.clock.now_ms()
        self._marks = dict(await self._engine.backend.schedule.marks())
        await self._fire_points()
        await super().start()

    def replace(self, registry: Registry) -> None:
        """Fire the schedules of this registry from now on."""
        self.schedules = _schedules_of(registry, self._engine.settings.timezone)
        self._engine.background(self._fire_points())
        self.look_now()

    async def fire_now(self, schedule: Schedule) -> NewMessage:
        """Run a schedule by hand, whatever its time; gives the message."""
        message = self._message(schedule.step, schedule.index, self._engine.clock.now_ms())
        await self._engine.enqueue_messages([message])
        return message

    async def look(self) -> float | None:
        engine = self._engine
        now_ms = engine.clock.now_ms()
        for schedule in self.schedules:
            await self._fire_schedule(schedule, now_ms)
        now_ms = engine.clock.now_ms()
        nearest = [schedule.expression.next_after(now_ms) for schedule in self.schedules]
        waits_s = [(at_ms - now_ms) / 1000 for at_ms in nearest if at_ms is not None]
        return max(min(waits_s), 0.001) if waits_s else None

    async def _fire_schedule(self, schedule: Schedule, now_ms: int) -> None:
        engine = self._engine
        trigger = schedule.trigger
        due = due_ticks(
            schedule.expression,
            self._marks.get(schedule.key),
            now_ms,
            missed=trigger.missed,
            since_ms=self._since_ms,
        )
        for at_ms in due:
            message = self._message(schedule.step, schedule.index, at_ms)
            fire = Fire(
                key=schedule.key, at_ms=at_ms, message=message, only_if_idle=trigger.overlap == "skip"
            )
            (fired,) = await engine.backend.commit(Batch((fire,)))
            self._marks[schedule.key] = at_ms
            fields = {
                "step": schedule.step.name,
                "expression": trigger.expression,
                "scheduled_at_ms": at_ms,
            }
            if fired:
                engine.recorder.event("cron.fired", **fields)
                engine.consumer.wake()
            else:
                reason = "overlap" if trigger.overlap == "skip" else "taken"
                engine.recorder.event("cron.skipped", **fields, reason=reason)

    async def _fire_points(self) -> None:
        """A point in time is a message that waits for it; it is put once, however often nodes start."""
        for step, index, trigger in self._engine.registry.time_triggers:
            message = self._message(step, index, trigger.at_ms)
            if trigger.at_ms > self._engine.clock.now_ms():
                message.due_at_ms = trigger.at_ms
            fire = Fire(key=schedule_key(step, index), at_ms=trigger.at_ms, message=message)
            await self._engine.backend.commit(Batch((fire,)))

    def _message(self, step: Step, index: int, at_ms: int) -> NewMessage:
        ids = self._engine.ids
        return tick_message(step, index, at_ms, ids.message_id(), TraceContext(ids.trace_id(), "", 0))


def tick_message(
    step: Step, index: int, at_ms: int, message_id: MessageId, trace: TraceContext
) -> NewMessage:
    """The message that runs a cron or time trigger for one point in time."""
    trigger = step.triggers[index]
    return NewMessage(
        id=message_id,
        queue=queue_of_trigger(step, index),
        payload=encoding.encode({"scheduled_at_ms": at_ms}),
        # Ticks of one group run one after the other.
        group="" if isinstance(trigger, CronTrigger) and trigger.overlap == "queue" else None,
        trace=trace,
        enqueued_at_ms=at_ms,
    )
