"""The supervisor's side of workers: which changes of files concern them, and what is told of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path, PurePosixPath

from motia.core.clock import SystemClock
from motia.runtimes.worker.hosting import make_host
from motia.runtimes.worker.kinds import WORKER_KINDS
from motia.runtimes.worker.process import WorkerEvent
from motia.settings import Settings

_ALL = frozenset(kind.name for kind in WORKER_KINDS)
_RETIRE_S = 5.0
"""How much longer than a node's drain a replaced worker may take to end."""


class Workers:
    """Owns the workers of a project. Nodes are told their sockets and dial when they need them."""

    def __init__(
        self,
        settings: Settings,
        directory: Path,
        environment: Mapping[str, str],
        report: Callable[[WorkerEvent], None],
    ) -> None:
        self._host = make_host(settings, directory, SystemClock(), report=report, environment=environment)

    def sockets(self) -> dict[str, list[str]]:
        """Where the workers of each kind are dialled now."""
        return {kind.name: [str(path) for path in self._host.sockets(kind.name)] for kind in WORKER_KINDS}

    def renew(self, kinds: Iterable[str], environment: Mapping[str, str]) -> None:
        """Make new workers of these kinds, or of all where a variable changed; the old ones serve until
        `retire`."""
        if self._host.renew_environment(environment):
            kinds = _ALL
        for kind in kinds:
            self._host.replace(kind)

    def keep_spares(self) -> None:
        """In development, start the workers of the next `renew` ahead of it."""
        self._host.keep_spares()

    async def retire(self, drain_s: float) -> None:
        """End the workers that were replaced, once the nodes have been told of the new ones."""
        await self._host.retire(drain_s + _RETIRE_S)

    async def stop(self) -> None:
        await self._host.stop()


def kinds_changed(changed: Collection[str]) -> tuple[frozenset[str], bool]:
    """The kinds of workers that these files concern, and whether any concerns the nodes themselves.

    Without files, as after a signal, all are meant.
    """
    if not changed:
        return _ALL, True
    kinds: set[str] = set()
    others = False
    for path in changed:
        others = others or path.startswith("motia.config.")  # settings: its functions run in a worker
        suffix = PurePosixPath(path).suffix
        kind = next((kind.name for kind in WORKER_KINDS if suffix in kind.suffixes), None)
        if kind is None:
            others = True
        else:
            kinds.add(kind)
    return frozenset(kinds), others


def joined(wanted: frozenset[str] | None, changed: frozenset[str]) -> frozenset[str]:
    """The files of one reload for both; `wanted` None: none was. A reload of everything stays one."""
    everything = not changed or wanted == frozenset()
    return frozenset() if everything else changed | (wanted or frozenset())
