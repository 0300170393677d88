"""Which durable calls the handler of a step can make, read from the text of its file; nothing is run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from motia.core.step import Step
from motia.workflow.drift import CodeOfRun, DurableCall

_METHODS = {
    "step": ("step", ""),
    "sleep": ("sleep", "sleep"),
    "sleep_until": ("sleep", "sleep until"),
    "wait_for": ("wait", "wait "),
    "wait_for_signal": ("wait", "signal "),
    "call": ("call", "call "),
}
"""Method of `ctx` → the kind of its entry, and its name up to the first argument."""
_FIRST_ARGUMENT = {"step": "name", "wait_for": "topic", "wait_for_signal": "name", "call": "step"}
_CONTEXT_NAMES = {"ctx", "context"}
_SCRIPT_METHODS = {name.replace("_", ""): name for name in _METHODS}
_SCRIPT_CALL = re.compile(
    r"""(?P<dot>\.)?(?<![\w$])(?P<method>step|sleep|sleep_?until|wait_?for|wait_?for_?signal|call)"""
    r"""(?:<[^()=]*>)?(?:\(\s*|[ \t]+(?=["']))(?P<object>\{)?"""
    r"""(?:(?P<quote>["'`])(?P<text>[^"'`$\\]+)(?P=quote))?""",
    re.IGNORECASE,
)
"""`ctx.step('a', …)`, `step('a', …)` of a context that was taken apart, `context.step "a" do`."""
_SCRIPT_NEIGHBOUR = re.compile(
    r"""(?:from|import|require|require_relative)\s*\(?\s*["']\.{1,2}/|require_relative"""
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


def code_of(project_dir: Path, step: Step) -> CodeOfRun:
    """The durable calls of a step, read from its file. Failure: `OSError`."""
    source = step.source
    text = (project_dir / source.path).read_text("utf-8", "replace")
    return durable_calls(text, source.language, source.line)


def durable_calls(text: str, language: str, line: int) -> CodeOfRun:
    """The calls of the handler that stands at `line`, and of the functions of the file that it names.

    A file that cannot be read as its language says nothing.
    """
    if language != "python":
        return _in_script(text)
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return CodeOfRun(())
    return _PythonFile(tree).read(line)


@dataclass(slots=True)
class _PythonFile:
    tree: ast.Module
    calls: list[DurableCall] = field(default_factory=list)
    patterns: list[str] = field(default_factory=list)
    is_complete: bool = True

    def read(self, line: int) -> CodeOfRun:
        functions = {node.name: node for node in self.tree.body if isinstance(node, Function)}
        begin = self._handler(functions, line)
        parts: list[ast.AST] = [self.tree] if begin is None else [begin]
        seen = {part.name for part in parts if isinstance(part, Function)}
        contexts = _CONTEXT_NAMES | {
            node.func.value.id
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Call)
            and _method(node)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
        }
        for part in parts:  # grows while it is read
            allowed: set[int] = set()
            for node in ast.walk(part):
                if isinstance(node, ast.Attribute):
                    allowed.add(id(node.value))
                if isinstance(node, ast.Call):
                    self._call(node)
                    if isinstance(node.func, ast.Name) and node.func.id in functions:
                        given = [*node.args, *(keyword.value for keyword in node.keywords)]
                        allowed.update(map(id, given))
                if isinstance(node, ast.Name) and node.id in functions and node.id not in seen:
                    seen.add(node.id)
                    parts.append(functions[node.id])
            if any(
                isinstance(node, ast.Name)
                and isinstance(node.ctx, ast.Load)
                and node.id in contexts
                and id(node) not in allowed
                for node in ast.walk(part)
            ):
                self.is_complete = False  # the context goes where this file does not say what is done with it
        return CodeOfRun(tuple(self.calls), tuple(self.patterns), self.is_complete)

    def _handler(self, functions: dict[str, Function], line: int) -> Function | None:
        for function in functions.values():
            first = min([function.lineno, *(one.lineno for one in function.decorator_list)])
            if first <= line <= (function.end_lineno or first):
                return function
        return functions.get("handler")

    def _call(self, node: ast.Call) -> None:
        method = _method(node)
        if method is None:
            return
        kind, prefix = _METHODS[method]
        version = 1 if method != "step" else _version(node)
        if method in ("sleep", "sleep_until"):
            self.calls.append(DurableCall(prefix, kind, version, node.lineno))
            return
        wanted = _FIRST_ARGUMENT[method]
        named = (keyword.value for keyword in node.keywords if keyword.arg == wanted)
        argument = node.args[0] if node.args else next(named, None)
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            self.calls.append(DurableCall(prefix + argument.value, kind, version, node.lineno))
        elif isinstance(argument, ast.JoinedStr):
            self.patterns.append(re.escape(prefix) + "".join(_pattern(argument)))
        else:
            self.is_complete = False


def _method(node: ast.Call) -> str | None:
    """Which durable call it may be."""
    return node.func.attr if isinstance(node.func, ast.Attribute) and node.func.attr in _METHODS else None


def _version(node: ast.Call) -> int | None:
    given = next((keyword.value for keyword in node.keywords if keyword.arg == "version"), None)
    if given is None:
        return None if any(keyword.arg is None for keyword in node.keywords) else 1
    return given.value if isinstance(given, ast.Constant) and isinstance(given.value, int) else None


def _pattern(text: ast.JoinedStr) -> Iterator[str]:
    for part in text.values:
        yield re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".*"


def _in_script(text: str) -> CodeOfRun:
    """By its words alone: the version stays open, and a file that has neighbours says only what it does."""
    calls = []
    is_complete = _SCRIPT_NEIGHBOUR.search(text) is None
    for found in _SCRIPT_CALL.finditer(text):
        if found["object"] and not found["dot"]:
            continue  # `step({ … }, handler)` declares one
        method = _SCRIPT_METHODS[found["method"].lower().replace("_", "")]
        kind, prefix = _METHODS[method]
        line = text.count("\n", 0, found.start()) + 1
        if method in ("sleep", "sleep_until"):
            calls.append(DurableCall(prefix, kind, None, line))
        elif found["text"] is not None:
            calls.append(DurableCall(prefix + found["text"], kind, None, line))
        else:
            is_complete = False
    return CodeOfRun(tuple(calls), (), is_complete)
