"""What a worker found in the project's files, as definitions and problems."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from motia.errors import DefinitionError, WorkerError
from motia.runtimes.protocol import Definition, Loaded


def loaded_of(result: Any) -> Loaded:
    """What the result of `load` stands for."""
    loaded = Loaded()
    for file in result["files"]:
        path = file["path"]
        for found in file["definitions"]:
            loaded.definitions.append(
                Definition(
                    kind=found["kind"],
                    path=path,
                    line=found["line"],
                    language=found["language"],
                    config=found["config"],
                    handler=found.get("handler"),
                    handler_line=found.get("handler_line"),
                )
            )
        loaded.problems += [_problem(path, found) for found in file["problems"]]
    return loaded


def without_worker(files: Sequence[str], error: WorkerError) -> Loaded:
    """A problem for each file, because nothing can read it."""
    return Loaded(
        problems=[
            DefinitionError(error.message, code=error.code, path=path, hint=error.hint) for path in files
        ]
    )


def _problem(path: str, found: dict[str, Any]) -> DefinitionError:
    type_name = f"{found['type']}: " if found.get("type") else ""
    return DefinitionError(
        f"{type_name}{found['message']}",
        code=found.get("code") or "step.import_failed",
        path=path,
        line=found.get("line") or 1,
        details={"stack": found.get("stack", "")},
        hint=found.get("hint") or None,
    )
