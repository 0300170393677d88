"""A project directory in, a registry out, with everything that is wrong on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from motia.core.registry import Registry, build_registry
from motia.core.step import Source, Step, StreamDefinition
from motia.core.trigger import FunctionId
from motia.discovery.checks import check_project
from motia.discovery.dialects import to_step, to_stream
from motia.discovery.finder import Candidate, find_files
from motia.discovery.notices import Notice
from motia.discovery.triggers import CronCheck
from motia.discovery.waits import waits_of
from motia.errors import DefinitionError
from motia.runtimes.protocol import Definition, Runtime

_NAME_OF_LANGUAGE = {
    "python": "Python",
    "typescript": "TypeScript",
    "javascript": "JavaScript",
    "ruby": "Ruby",
    "go": "Go",
}
_PROGRAM_OF_LANGUAGE = {"typescript": "Node.js", "javascript": "Node.js", "ruby": "Ruby", "go": "Go"}


@dataclass(frozen=True, slots=True)
class Discovered:
    """Everything that one look at a project found."""

    registry: Registry
    problems: tuple[DefinitionError, ...]
    """Sorted by place. What has one is not in the registry."""
    notices: tuple[Notice, ...]
    files: tuple[Candidate, ...]
    app_file: Path | None
    """`app.py` of the project's root, where shared resources are opened; None where there is none."""
    stream_auth: tuple[Source, FunctionId] | None = None
    """The function of a `motia.config` file of another language that says who a stream's client is."""


async def discover(
    project_dir: Path,
    runtimes: Mapping[str, Runtime],
    *,
    check_cron: CronCheck,
    version: int = 1,
) -> Discovered:
    """The registry of a project. One broken file, step or language never hides the others.

    `runtimes` maps a language (`python`, `typescript` …) to what loads it; one runtime may serve several.
    *Concurrency*: runtimes load beside each other. *Failure*: problems are returned.
    """
    found = await asyncio.to_thread(find_files, project_dir)
    problems: list[DefinitionError] = []
    definitions: list[Definition] = []
    groups = _by_runtime(found.candidates, runtimes, problems)
    # Those whose files another process reads begin first: it starts while Python modules are imported here.
    groups.sort(key=lambda group: group[1][0].language == "python")
    for loaded in await asyncio.gather(
        *(runtime.load(project_dir, [candidate.path for candidate in files]) for runtime, files in groups)
    ):
        definitions += loaded.definitions
        problems += loaded.problems
    notices: list[Notice] = []
    steps: list[Step] = []
    streams: list[StreamDefinition] = []
    stream_auth = None
    for definition in sorted(definitions, key=lambda one: (one.path, one.line)):
        if definition.kind == "step":
            step, step_problems, step_notices = to_step(definition, check_cron)
            steps += [step] if step is not None else []
            problems += step_problems
            notices += step_notices
        elif definition.kind == "stream_auth":
            assert definition.handler is not None
            source = Source(path=definition.path, line=definition.line, language=definition.language)
            stream_auth = source, definition.handler
        else:
            stream, stream_problems, stream_notices = to_stream(definition)
            streams += [stream] if stream is not None else []
            problems += stream_problems
            notices += stream_notices
    unread = await asyncio.to_thread(_texts, found.candidates, {problem.path for problem in problems})
    waits = await asyncio.to_thread(waits_of, found.candidates)
    checked = check_project(steps, streams, unread=unread, waits=waits)
    return Discovered(
        build_registry(checked.steps, checked.streams, waits=waits, unread=unread, version=version),
        tuple(sorted((*problems, *checked.problems), key=lambda one: (one.path, one.line))),
        tuple(sorted((*notices, *checked.notices), key=lambda one: (one.path, one.line))),
        found.candidates,
        found.app_file,
        stream_auth,
    )


def without(discovered: Discovered, problems: Sequence[DefinitionError]) -> Discovered:
    """The same, with `problems` of steps that turned out not to be able to run, and without those steps."""
    if not problems:
        return discovered
    broken = {problem.step for problem in problems}
    registry = discovered.registry
    return replace(
        discovered,
        registry=build_registry(
            [step for name, step in registry.steps.items() if name not in broken],
            registry.streams.values(),
            waits=registry.waits,
            unread=registry.unread,
            version=registry.version,
        ),
        problems=tuple(sorted((*discovered.problems, *problems), key=lambda one: (one.path, one.line))),
    )


def _texts(candidates: Iterable[Candidate], paths: Container[str]) -> dict[str, str]:
    found = {}
    for candidate in candidates:
        if candidate.relative in paths:
            try:
                found[candidate.relative] = candidate.path.read_text("utf-8", "replace")
            except OSError:
                continue  # loading it said what is wrong with it
    return found


def _by_runtime(
    candidates: Iterable[Candidate], runtimes: Mapping[str, Runtime], problems: list[DefinitionError]
) -> list[tuple[Runtime, list[Candidate]]]:
    groups: dict[int, tuple[Runtime, list[Candidate]]] = {}
    for candidate in candidates:
        runtime = runtimes.get(candidate.language)
        if runtime is not None:
            groups.setdefault(id(runtime), (runtime, []))[1].append(candidate)
        else:
            problems.append(_without_runtime(candidate))
    return list(groups.values())


def _without_runtime(candidate: Candidate) -> DefinitionError:
    language = _NAME_OF_LANGUAGE[candidate.language]
    program = _PROGRAM_OF_LANGUAGE.get(candidate.language, language)
    return DefinitionError(
        f"file: expected a language that can run here, got {language}",
        code="runtime.missing",
        path=candidate.relative,
        details={"language": candidate.language},
        hint=f"{language} steps need {program} and this framework's {language} runtime",
    )
