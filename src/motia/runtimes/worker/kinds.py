"""The kinds of workers that are shipped: which languages each serves, and what starts it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import motia
from motia.errors import WorkerError
from motia.settings.node_program import NODE_FIX, find_node

_WORKERS = Path(motia.__file__).parent / "workers"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerKind:
    """One program that runs the steps of one or several languages."""

    name: str
    languages: tuple[str, ...]
    suffixes: tuple[str, ...]
    """Of files whose change concerns it."""
    program: str
    """What it needs, as people call it."""
    oldest: tuple[int, ...]
    """The oldest version of it that works."""
    fix: str
    command: Callable[[], Sequence[str]]
    """What starts a worker. Failure: `WorkerError` `runtime.missing`."""
    reads_when_loading: bool = True
    """Whether it looks at the project's files no sooner than it is told to load them."""

    def check_version(self, text: str) -> None:
        """Failure: `WorkerError` `runtime.too_old`."""
        found = tuple(int(part) for part in text.lstrip("v").split(".") if part.isdigit())
        if found < self.oldest:
            oldest = ".".join(map(str, self.oldest))
            raise WorkerError(
                f"expected {self.program} {oldest} or newer, got {text}",
                code="runtime.too_old",
                hint=self.fix,
            )


def _node() -> Sequence[str]:
    node = find_node()
    if node is None:
        raise _missing("Node.js", "node", NODE_FIX)
    return (node, str(_WORKERS / "node" / "main.js"))


def _ruby() -> Sequence[str]:
    ruby = shutil.which("ruby")
    if ruby is None:
        raise _missing("Ruby", "ruby", _RUBY_FIX)
    return (ruby, "--disable-did_you_mean", str(_WORKERS / "ruby" / "main.rb"))


def _go() -> Sequence[str]:
    if shutil.which("go") is None:
        raise _missing("Go", "go", _GO_FIX)
    return (sys.executable, "-m", "motia.workers.go")


def _missing(program: str, name: str, fix: str) -> WorkerError:
    return WorkerError(f"expected {program}, got no `{name}` on the PATH", code="runtime.missing", hint=fix)


_RUBY_FIX = "install Ruby 3.1 or newer"
_GO_FIX = "install Go 1.22 or newer"

WORKER_KINDS = (
    WorkerKind(
        name="node",
        languages=("typescript", "javascript"),
        suffixes=(".ts", ".mts", ".js", ".mjs", ".cjs"),
        program="Node.js",
        oldest=(20,),
        fix=NODE_FIX,
        command=_node,
    ),
    WorkerKind(
        name="ruby",
        languages=("ruby",),
        suffixes=(".rb",),
        program="Ruby",
        oldest=(3, 1),
        fix=_RUBY_FIX,
        command=_ruby,
    ),
    WorkerKind(
        name="go",
        languages=("go",),
        suffixes=(".go",),
        program="Go",
        oldest=(1, 22),
        fix=_GO_FIX,
        command=_go,
        reads_when_loading=False,
    ),
)
