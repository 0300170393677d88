"""Runs a project's nodes: carries out what the slots decide, and watches that every node lives.

One class, because messages, exits, reloads and stalls all change the same few nodes. It decides nothing:
what becomes of a slot stands in `slot.py`, what a stall is in `stall.py`; both are pure.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from motia.errors import MotiaError
from motia.runtimes.worker.process import WorkerEvent
from motia.server.node_app import DEFAULT_APP
from motia.settings import Settings
from motia.supervisor.channel import Message
from motia.supervisor.events import (
    Event,
    Listening,
    LoadFailed,
    NodeDied,
    NodeLeft,
    NodeServing,
    NodeStalled,
    NodeWorn,
    Reloaded,
    Reloading,
    SettingsKept,
    Stopping,
)
from motia.supervisor.listeners import Listeners
from motia.supervisor.node_process import NodeProcess
from motia.supervisor.slot import Drain, Effect, Load, Retry, Slot, Take
from motia.supervisor.spawn import Spawned, spawn_node
from motia.supervisor.stall import Patience, Place, hangs, judge, place_of_stall
from motia.supervisor.workers import Workers, joined, kinds_changed

if TYPE_CHECKING:
    from motia.settings.load import Loaded

_TICK_S = 0.25
_HAND_OVER_S = 1.0
_FIRST_LOAD_S = 2.5
_DRAIN_GRACE_S = 5.0
_FIXED = ("mode", "project_dir", "host", "port", "nodes", "workbench")


class Supervisor:
    """Keeps `settings.nodes` nodes of a project serving until it is stopped.

    `run` does the work; `reload` and `stop` may be called meanwhile, on its event loop, in the main thread.
    `report` is called on that loop with everything that happens. `listeners` are closed by `stop`.
    `dotenv` are the variables that nodes get beside `environment`; `read_again` is asked for them and for the
    settings at each reload. `app` names the factory that nodes call; `spawned` is a node that waits already.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        listeners: Listeners,
        runtime_dir: Path,
        report: Callable[[Event], None],
        dotenv: Mapping[str, str] | None = None,
        read_again: Callable[[], Loaded] | None = None,
        spawned: Spawned | None = None,
        app: str = DEFAULT_APP,
        kill_after_s: float | None = None,
        environment: Mapping[str, str] | None = None,
        console_token: str | None = None,
    ) -> None:
        self._settings = settings
        self._listeners = listeners
        self._runtime_dir = runtime_dir
        self._report = report
        self._dotenv = dotenv or {}
        self._read_again = read_again
        self._spawned = spawned
        self._app = app
        self._patience = Patience.of(settings, kill_after_s)
        self._environment = os.environ if environment is None else environment
        self._console_token = console_token
        self._development = settings.mode == "development"
        self._slots = [
            Slot(number=number, keep_retrying=not self._development) for number in range(settings.nodes)
        ]
        self._nodes: dict[int, NodeProcess] = {}
        self._spare: NodeProcess | None = None
        self._settled: dict[int, asyncio.Future[bool]] = {}
        self._served: set[int] = set()
        self._handing_over: dict[int, Callable[[], None]] = {}
        """By pid of the node that is replaced: what to do once it accepts no more."""
        self._wanted: frozenset[str] | None = None
        """What changed since the last reload began; empty: whatever there is, None: nothing."""
        self._rolling: asyncio.Task[None] | None = None
        self._stopping = False
        self._exit_code = 0
        self._finished = asyncio.Event()
        self._workers: Workers | None = None
        self._taking_workers: dict[int, asyncio.Future[bool]] = {}
        """By pid: nodes that were told of new workers."""
        self._usual_load_s = _FIRST_LOAD_S
        """How long the last load took that came to an end."""
        self._load_was_cut = False
        """A node was killed while it loaded: what it was to bring is still to come."""
        self._workers_replaced = False
        """Whether new nodes use none of the workers that were replaced."""
        self._retiring: set[asyncio.Task[None]] = set()

    async def run(self) -> int:
        """Start the nodes and return the exit code once, after `stop`, the last of them is gone.

        0: stopped and drained; 1 or 2: in production the project could not be loaded at all (2: the operator
        must act). *Cancellation*: kills the nodes.
        """
        watchdog = asyncio.create_task(self._watch_nodes(), name="motia.supervisor.watchdog")
        try:
            if self._spawned is not None:
                self._spare = self._adopt(self._spawned)
            environment = {**self._environment, **self._dotenv}
            self._workers = Workers(self._settings, self._runtime_dir, environment, self._on_worker)
            for slot in self._slots:
                self._apply(slot.load(), slot.number)
            await self._finished.wait()
            return self._exit_code
        finally:
            watchdog.cancel()
            if self._rolling is not None:
                self._rolling.cancel()
            for node in self._nodes.values():
                node.kill()
            for retiring in self._retiring:
                retiring.cancel()
            if self._workers is not None:
                await self._workers.stop()

    def reload(self, changed: frozenset[str] = frozenset()) -> None:
        """Replace every node by one with the code as it is now. During a reload: once more after it."""
        self._wanted = joined(self._wanted, changed)
        if self._stopping or (self._rolling is not None and not self._rolling.done()):
            return
        self._rolling = asyncio.create_task(self._roll(), name="motia.supervisor.reload")

    def stop(self) -> None:
        """Drain all nodes, then let `run` return; called again: kill them."""
        if self._stopping:
            self._report(Stopping(now=True))
            for node in self._nodes.values():
                node.kill()
            return
        self._report(Stopping(now=False))
        self._end()

    def _end(self) -> None:
        self._stopping = True
        self._listeners.close()  # or clients would queue for a node that never comes
        for number in range(len(self._slots)):
            self._apply(self._slots[number].stop(), number)
        if self._spare is not None:
            self._drain(self._spare)
        self._finish_if_empty()

    # Carrying out what a slot decides

    def _apply(self, decision: tuple[Slot, list[Effect]], number: int) -> None:
        self._slots[number], effects = decision
        for effect in effects:
            match effect:
                case Load():
                    self._load(number)
                case Take(pid):
                    self._nodes[pid].send("take")
                case Drain(pid):
                    self._drain(self._nodes[pid])
                case Retry(delay_s):
                    asyncio.get_running_loop().call_later(
                        delay_s, lambda: self._apply(self._slots[number].retry(), number)
                    )

    def _load(self, number: int) -> None:
        node = self._spare or self._spawn()
        self._spare = None
        loop = asyncio.get_running_loop()
        node.slot = number
        node.heard_s = node.loading_since_s = loop.time()
        node.load(
            self._listeners.of_slot(number),
            slot=number,
            settings=self._listeners.as_opened(self._settings).model_dump(mode="json"),
            dotenv=dict(self._dotenv),
            dump_path=str(node.dump_path),
            stall_s=self._patience.report_s * 0.8,
            workers=self._workers.sockets() if self._workers is not None else {},
        )
        self._settled[number] = loop.create_future()
        self._slots[number] = self._slots[number].loading_in(node.pid)

    def _spawn(self) -> NodeProcess:
        return self._adopt(spawn_node(app=self._app, environment=self._environment))

    def _adopt(self, spawned: Spawned) -> NodeProcess:
        node = NodeProcess(spawned, self._on_message, self._on_exit, dump_dir=self._runtime_dir)
        self._nodes[node.pid] = node
        return node

    def _keep_spare(self) -> None:
        if not self._development or self._stopping:
            return
        if self._spare is None:
            self._spare = self._spawn()
        if self._workers is not None:
            self._workers.keep_spares()

    def _drain(self, node: NodeProcess) -> None:
        limit_s = self._settings.drain_s + self._settings.queue.cancel_grace_s + _DRAIN_GRACE_S
        node.drain_end_s = asyncio.get_running_loop().time() + limit_s
        node.send("drain")

    # What nodes say

    def _on_message(self, node: NodeProcess, message: Message) -> None:
        now_s = asyncio.get_running_loop().time()
        node.heard_s = now_s
        node.stall_reported = False
        kind = message["type"]
        if kind == "spare":
            node.thread = message["thread"]
        elif kind == "draining":
            self._hand_over(node.pid)
        elif kind == "drained":
            node.drained = True
        elif node.slot is None:
            return
        elif kind == "beat":
            node.running = message["running"]
            self._replace_if_worn(node, node.slot, message["worn"])
        elif kind == "ready":
            node.banner = message["banner"]
            self._apply(self._slots[node.slot].ready(node.pid), node.slot)
        elif kind == "serving":
            node.served = True
            self._on_serving(node, node.slot, now_s)
        elif kind == "took_workers":
            self._took_workers(node, message)
        elif kind == "failed":
            self._on_failed(node, node.slot, message["error"])

    def _on_worker(self, event: WorkerEvent) -> None:
        running: dict[str, list[str]] = {}
        for node in self._nodes.values():
            for language, names in node.running.items():
                running.setdefault(language, []).extend(names)
        self._report(event.beside(running))

    def _on_serving(self, node: NodeProcess, number: int, now_s: float) -> None:
        old = self._slots[number].serving
        self._apply(self._slots[number].served(node.pid, now_s), number)
        if old is None:
            self._tell_serving(node, number, self._settled[number])
            return
        # Until the old node hears of it, it answers new connections, too, with the old code.
        settled = self._settled[number]
        self._handing_over[old] = lambda: self._tell_serving(node, number, settled)
        asyncio.get_running_loop().call_later(_HAND_OVER_S, self._hand_over, old)

    def _hand_over(self, old: int) -> None:
        tell = self._handing_over.pop(old, None)
        if tell is not None:
            tell()

    def _tell_serving(self, node: NodeProcess, number: int, settled: asyncio.Future[bool]) -> None:
        if not self._served:
            # Not sooner: whoever reads the address may open it at once.
            self._report(
                Listening(
                    host=self._settings.host,
                    port=self._listeners.port("api") or 0,
                    workbench_port=self._listeners.port("workbench"),
                    workbench_token=self._console_token,
                )
            )
        first = number not in self._served
        self._served.add(number)
        took_s = self._usual_load_s = asyncio.get_running_loop().time() - node.loading_since_s
        self._report(NodeServing(slot=number, pid=node.pid, took_s=took_s, first=first, banner=node.banner))
        if not settled.done():
            settled.set_result(True)
        self._keep_spare()

    def _on_failed(self, node: NodeProcess, number: int, error: Message) -> None:
        old_serves = self._slots[number].serving is not None
        self._report(LoadFailed(slot=number, pid=node.pid, error=error, old_serves=old_serves))
        node.drained = True  # it says goodbye by itself: its end is no crash
        self._apply(self._slots[number].load_failed(node.pid), number)
        self._settle_failed(number)
        if not self._development and not self._served and not self._stopping:
            self._exit_code = 2 if error.get("operator") else 1
            self._end()
        self._keep_spare()

    def _replace_if_worn(self, node: NodeProcess, number: int, reason: str | None) -> None:
        slot = self._slots[number]
        if reason and slot.serving == node.pid and slot.loading is None and not self._stopping:
            self._report(NodeWorn(slot=number, pid=node.pid, reason=reason))
            self._apply(slot.load(), number)

    def _settle_failed(self, number: int) -> None:
        settled = self._settled.get(number)
        if settled is not None and not settled.done():
            settled.set_result(False)

    def _on_exit(self, node: NodeProcess, exit_code: int) -> None:
        del self._nodes[node.pid]
        taking = self._taking_workers.pop(node.pid, None)
        if taking is not None and not taking.done():
            taking.set_result(False)
        self._hand_over(node.pid)
        asked = node.drain_end_s is not None or node.drained
        # What had not begun to serve, or had drained and was slow to leave, had nothing that could be cut.
        has_work = node.served and not (node.drained and node.killed)
        cut = exit_code != 0 and node.drain_end_s is not None and has_work
        place = None if asked else self._place(node)
        node.forget()
        if node is self._spare:
            self._spare = None
        number = node.slot
        retry_s = None
        was_loading = False
        if number is not None:
            was_loading = self._slots[number].loading == node.pid
            decision = self._slots[number].died(node.pid, asyncio.get_running_loop().time())
            retry_s = next((effect.delay_s for effect in decision[1] if isinstance(effect, Retry)), None)
            self._apply(decision, number)
            if was_loading:
                self._settle_failed(number)
        if asked or (was_loading and node.killed):  # newer code took its place before it served
            self._report(NodeLeft(slot=number, pid=node.pid, cut=cut))
        else:
            self._report(
                NodeDied(
                    slot=number,
                    pid=node.pid,
                    exit_code=exit_code,
                    retry_s=retry_s,
                    place=place,
                    running=[name for names in node.running.values() for name in names],
                    loading=was_loading,
                )
            )
        if exit_code != 0 and number is not None:
            for other in self._nodes.values():
                other.send("node_died", pid=node.pid)
        if self._stopping and cut:
            self._exit_code = self._exit_code or 1
        self._retire_workers()
        self._finish_if_empty()

    def _finish_if_empty(self) -> None:
        if self._stopping and not self._nodes:
            self._finished.set()

    # Reload

    async def _roll(self) -> None:
        loop = asyncio.get_running_loop()
        while self._wanted is not None and not self._stopping:
            began_s = loop.time()
            changed, self._wanted = self._wanted, None
            self._workers_replaced = False
            self._report(Reloading(changed=sorted(changed)))
            self._renew_settings()
            kinds, nodes_too = kinds_changed(changed)
            nodes_too, self._load_was_cut = nodes_too or self._load_was_cut, False
            if self._workers is not None:
                self._workers.renew(kinds, {**self._environment, **self._dotenv})
            ok = await (self._roll_nodes() if nodes_too else self._roll_workers())
            self._report(Reloaded(ok=ok, took_s=loop.time() - began_s))
            self._workers_replaced = ok  # else the nodes of before are still at the old ones
            self._retire_workers()
            self._keep_spare()

    async def _roll_nodes(self) -> bool:
        for number in range(len(self._slots)):
            if self._slots[number].loading is not None:
                await self._settled[number]  # code of an earlier moment
            self._apply(self._slots[number].load(), number)
            if self._slots[number].loading is None or not await self._settled[number]:
                return False
        return True

    async def _roll_workers(self) -> bool:
        """Have every node go over to the new workers; what it runs in Python is not touched."""
        assert self._workers is not None
        for number, slot in enumerate(self._slots):
            if slot.loading is not None:
                await self._settled[number]
        serving = [self._nodes[slot.serving] for slot in self._slots if slot.serving is not None]
        for node in serving:
            self._taking_workers[node.pid] = asyncio.get_running_loop().create_future()
            node.send("workers", sockets=self._workers.sockets())
        took = await asyncio.gather(*(self._taking_workers[node.pid] for node in serving))
        return all(took)

    def _took_workers(self, node: NodeProcess, message: Message) -> None:
        taking = self._taking_workers.pop(node.pid, None)
        if taking is not None and not taking.done():
            taking.set_result(message["error"] is None)
        if message["error"] is not None:
            self._report(
                LoadFailed(slot=node.slot or 0, pid=node.pid, error=message["error"], old_serves=True)
            )
        else:
            node.banner = message["banner"]
            self._report(
                NodeServing(slot=node.slot or 0, pid=node.pid, took_s=0.0, first=False, banner=node.banner)
            )

    def _retire_workers(self) -> None:
        """End the workers that were replaced, once no node that drains can need them."""
        draining = any(node.drain_end_s is not None for node in self._nodes.values())
        if self._workers is None or not self._workers_replaced or draining or self._stopping:
            return
        retiring = asyncio.create_task(self._workers.retire(self._settings.drain_s))
        self._retiring.add(retiring)
        retiring.add_done_callback(self._retiring.discard)

    def _renew_settings(self) -> None:
        if self._read_again is None:
            return
        try:
            loaded = self._read_again()
        except MotiaError as error:
            self._report(SettingsKept(reason=f"the settings from before stay: {error}"))
            return
        settings, self._dotenv = loaded.settings, loaded.dotenv
        fixed = {name: getattr(self._settings, name) for name in _FIXED}
        changed = [name for name, value in fixed.items() if getattr(settings, name) != value]
        if changed:
            self._report(SettingsKept(reason=f"changed settings need a restart: {', '.join(changed)}"))
        self._settings = settings.model_copy(update=fixed)

    # Watching

    async def _watch_nodes(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_TICK_S)
            for node in list(self._nodes.values()):
                if not node.killed:
                    self._watch(node, loop.time())

    def _watch(self, node: NodeProcess, now_s: float) -> None:
        if node.drain_end_s is not None and now_s > node.drain_end_s:
            node.kill()
        number = node.slot
        if number is None:
            return
        silent_s = now_s - node.heard_s
        verdict = judge(silent_s, self._patience, drained=node.drained)
        if verdict == "well":
            return
        loading = self._slots[number].loading == node.pid
        # A project that hangs while it loads is not given up by itself, but a newer version replaces it.
        replaceable = self._wanted is not None and hangs(silent_s, self._usual_load_s)
        kill = replaceable if loading else verdict == "kill"
        if kill or not node.stall_reported:
            place = self._place(node)
            if place is None and not kill and silent_s < 2 * self._patience.report_s:
                return  # on a busy machine the node says a little later where it stands
            node.stall_reported = True
            self._report(
                NodeStalled(
                    slot=number,
                    pid=node.pid,
                    silent_s=silent_s,
                    killed=kill,
                    place=place,
                    running=node.running.get("python", ()),
                    loading=loading,
                )
            )
        if kill:
            self._load_was_cut = self._load_was_cut or loading
            node.kill()

    def _place(self, node: NodeProcess) -> Place | None:
        return place_of_stall(node.dump(), project_dir=self._settings.project_dir, thread=node.thread)


def watch_signals(supervisor: Supervisor, *, development: bool) -> Sequence[signal.Signals]:
    """Let signals stop the supervisor (again: now) and, in production, SIGHUP reload it; those handled.

    In development SIGHUP means that the terminal is gone: it stops, too.
    """
    loop = asyncio.get_running_loop()
    handled = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    for number in handled:
        reloads = number == signal.SIGHUP and not development
        loop.add_signal_handler(number, supervisor.reload if reloads else supervisor.stop)
    return handled
