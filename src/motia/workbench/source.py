"""The source of a step's file, for the console: registered files only, never outside of the project."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

from motia.core.step import Source
from motia.errors import AccessError, InputError

_MAX_BYTES = 512 * 1024


def source_document(project_dir: Path, source: Source) -> dict[str, Any]:
    """The text of the file that defines a step, and where in it the handler stands.

    Failure: `AccessError` `console.outside_project` where a link leads out of the project, `InputError`
    `source.unreadable` where the file is gone.
    """
    root = project_dir.resolve()
    path = (root / source.path).resolve()
    if not path.is_relative_to(root):
        raise AccessError(
            f"source {source.path}: expected a file inside the project, got a link to another place",
            code="console.outside_project",
        )
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise InputError(
            f"source {source.path}: expected to read it, got {error.strerror}",
            code="source.unreadable",
            status=404,
        ) from error
    text = data[:_MAX_BYTES].decode("utf-8", "replace")
    handler = _python_handler(text, source.line) if source.language == "python" else None
    return {
        "path": source.path,
        "language": source.language,
        "text": text,
        "truncated": len(data) > _MAX_BYTES,
        "definition_line": source.line,
        "handler": None if handler is None else {"first_line": handler[0], "last_line": handler[1]},
    }


def _python_handler(text: str, line: int) -> tuple[int, int] | None:
    """Lines of the function that stands at `line`, else of the one named `handler`."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError):
        return None  # the file was changed since it was loaded
    named = None
    for node in body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        last = node.end_lineno or node.lineno
        if first <= line <= last:
            return first, last
        if node.name == "handler":
            named = first, last
    return named
