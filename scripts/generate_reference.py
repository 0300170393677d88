"""Writes the parts of the documentation that the code knows best; with `--check` only says what is stale.

A page holds a generated part between `<!-- begin generated: NAME -->` and `<!-- end generated -->`.
"""

from __future__ import annotations

import argparse
import ast
import itertools
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeGuard, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from motia.cli.commands import command_line
from motia.settings.environment import COMMON, variable_of
from motia.settings.model import Settings
from motia.settings.names import NAMES
from motia.tracing.catalogue import EVENTS

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "motia"
_PART = re.compile(
    r"(?P<begin><!-- begin generated: (?P<name>[a-z]+) -->\n)(?P<text>.*?)(?P<end><!-- end generated -->)",
    re.DOTALL,
)


def regenerated(page: str, parts: Mapping[str, Callable[[], str]]) -> str:
    """The page with every generated part made anew."""
    return _PART.sub(lambda found: f"{found['begin']}{parts[found['name']]()}{found['end']}", page)


# Settings ---------------------------------------------------------------------------------------------


def settings_part() -> str:
    """One table for each section, with the default, the variable and the meaning of every setting."""
    sections: list[tuple[str, type[BaseModel]]] = [("", Settings)]
    for name, info in Settings.model_fields.items():
        if _is_model(info.annotation):
            sections.append((name, info.annotation))
    return "".join(_section(name, model) for name, model in sections)


def _section(prefix: str, model: type[BaseModel]) -> str:
    meanings = _field_docstrings(model.__name__)
    common = {setting: variable for variable, setting in COMMON.items()}
    title = f"## `[{prefix}]`" if prefix else "## Top level"
    lines = [title, "", (model.__doc__ or "").strip(), ""]
    lines += ["| setting | type | default | variable | meaning |", "|---|---|---|---|---|"]
    for field, info in model.model_fields.items():
        name = f"{prefix}.{field}" if prefix else field
        if name not in NAMES:
            continue
        variables = [variable_of(name), *([common[name]] if name in common else [])]
        row = (
            f"`{name}`",
            _type_text(info),
            f"`{_shown_default(info.default)}`",
            ", ".join(f"`{variable}`" for variable in variables),
            meanings.get(field, ""),
        )
        lines.append(_row(row))
    return "\n".join([*lines, "", ""])


def _is_model(annotation: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _field_docstrings(class_name: str) -> dict[str, str]:
    """The texts that stand below the fields of a settings class."""
    tree = ast.parse((SOURCE / "settings" / "model.py").read_text("utf-8"))
    body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == class_name)
    found = {}
    for field, below in itertools.pairwise(body):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            found[field.target.id] = _flat(str(below.value.value))
    return found


def _type_text(info: FieldInfo) -> str:
    bounds = []
    for limit in info.metadata:
        for name, sign in (("gt", ">"), ("ge", "≥"), ("lt", "<"), ("le", "≤")):
            if (value := getattr(limit, name, None)) is not None:
                bounds.append(f"{sign} {value:g}")
    return ", ".join([_type_name(info.annotation), *bounds])


def _type_name(annotation: Any) -> str:
    if isinstance(annotation, type) and not get_args(annotation):
        names = {bool: "true or false", int: "whole number", float: "number", str: "text", Path: "path"}
        return names[annotation]
    if get_origin(annotation) is tuple:
        return "list of texts"
    arguments = [item for item in get_args(annotation) if item is not type(None)]
    if all(isinstance(item, str) for item in arguments):
        return ", ".join(f"`{item}`" for item in arguments)
    return _type_name(arguments[0])


def _shown_default(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(value) + "]"
    return str(value)


# Errors -----------------------------------------------------------------------------------------------

_CLASS_OF_HELPER = {
    "bad_result": "HandlerError",
    "misuse": "DefinitionError",
    "problem": "",
    "_problem": "DefinitionError",
    "wrong": "DefinitionError",
}
_CODE = re.compile(r"[a-z]+(_[a-z]+)*(\.[a-z]+(_[a-z]+)*)+|internal")
_MEANINGS = {
    "access.denied": "access: expected a caller who may do this, got one who may not",
    "agent.budget_exceeded": "…: expected to spend at most …, got another request after that",
    "backend.closed": "the storage is not open (any more)",
    "backend.unavailable": "the storage cannot be opened, read or written",
    "condition.not_met": "the trigger's condition refused the request",
    "handler.bad_result": "the handler returned what no response can be made of; the message names the path",
    "handler.raised": "the handler raised: the message, type and stack are those of its exception",
    "handler.retry": "the handler returned `Retry` on its last attempt or to a request (503, `Retry-After`)",
    "http.error": "the handler raised `HTTPError`",
    "input.invalid": "a body, parameter or payload does not fit its schema; `errors` lists the paths",
    "input.too_large": "a body over `limits.body_bytes` or its route's `max_body_bytes` (413), or an input"
    " over what a worker of another language takes",
    "internal": "something failed that has no name; the trace has it",
    "json.malformed": "expected JSON, got text that stops making sense at line … column …: …",
    "node.starting": "the node has not loaded the project yet",
    "node.draining": "this node is being replaced or stopped",
    "route.method_not_allowed": "no step serves this method of the path; `allow` lists those that are served",
    "route.not_found": "no step serves this path",
    "settings.invalid": "one line for each setting that is wrong, with the place that set it",
    "state.bad_update": "an update operation is malformed, or does not fit the stored value",
    "step.bad_config": "config.…: expected …, got …",
    "step.bad_definition": "a decorator or trigger was called wrongly",
    "step.bad_signature": "no input could ever fill the handler's parameters",
    "step.bad_trigger": "config.triggers[…]: expected …, got …",
}
"""For codes whose messages are made elsewhere or differ from place to place."""
_UNTOLD = {"testing", "tracing"}


def errors_part() -> str:
    """A table for each class of error: every code, what its message says, and the hint."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for code, class_name, message, hint in sorted(_codes()):
        known = found.setdefault(class_name, {})
        old_message, old_hint = known.get(code, ("", ""))
        known[code] = (_MEANINGS.get(code) or old_message or message, old_hint or hint)
    titled = {code for name, codes in found.items() if name for code in codes}
    lines = []
    for class_name, meaning in _error_classes().items():
        if class_name not in found:
            continue
        lines += [f"## {class_name}", "", meaning, "", "| code | says | hint |", "|---|---|---|"]
        lines += [_row((f"`{code}`", *texts)) for code, texts in sorted(found[class_name].items())]
        lines.append("")
    rest = {code: texts for code, texts in found.get("", {}).items() if code not in titled}
    lines += ["## Only in answers and dead letters", "", "No exception carries these codes.", ""]
    lines += ["| code | says |", "|---|---|"]
    lines += [_row((f"`{code}`", texts[0])) for code, texts in sorted(rest.items())]
    return "\n".join([*lines, ""])


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def _error_classes() -> dict[str, str]:
    tree = ast.parse((SOURCE / "errors.py").read_text("utf-8"))
    return {
        node.name: _flat(ast.get_docstring(node) or "")
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name != "MotiaError"
    } | {"HTTPError": "Raised by an author to answer a request; see [HTTP](http.md#errors)."}


def _codes() -> Iterator[tuple[str, str, str, str]]:
    """Code, class, message and hint of every place in the source that names a code."""
    for path in sorted(SOURCE.rglob("*.py")):
        if path.relative_to(SOURCE).parts[0] in _UNTOLD:
            continue
        for node, owner in _nodes(_parsed(path), None):
            if isinstance(node, ast.Call):
                yield from _codes_of_call(node, owner)
            elif isinstance(node, ast.FunctionDef):
                yield from _codes_of_defaults(node, owner)
            elif isinstance(node, ast.Dict):
                yield from _codes_of_dict(node)


def _nodes(tree: ast.AST, owner: ast.ClassDef | None) -> Iterator[tuple[ast.AST, ast.ClassDef | None]]:
    """All nodes of a tree, each with the class it stands in."""
    waiting = [(tree, owner)]
    while waiting:
        node, within = waiting.pop()
        yield node, within
        inner = node if isinstance(node, ast.ClassDef) else within
        waiting += [(child, inner) for child in ast.iter_child_nodes(node)]


def _codes_of_call(node: ast.Call, owner: ast.ClassDef | None) -> Iterator[tuple[str, str, str, str]]:
    callee = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    keywords = {item.arg: item.value for item in node.keywords if item.arg}
    code = _constant(keywords.get("code"))
    if code is None and callee == "_problem" and len(node.args) > 1:
        code = _constant(node.args[1])
    if code is None or not _CODE.fullmatch(code):
        return
    class_name = callee if callee.endswith("Error") else _CLASS_OF_HELPER.get(callee, "")
    if callee == "__init__" and owner is not None:
        class_name = owner.name
    elif callee == "problem" and isinstance(node.func, ast.Attribute):
        class_name = "DefinitionError"  # of a discovery report, not an HTTP answer
    message = _template(keywords.get("detail") or (node.args[0] if node.args else None))
    if callee == "wrong" and len(node.args) > 1:
        message = f"config.{message}: expected {_template(node.args[1])}, got …"
    yield code, class_name, message, _template(keywords.get("hint"))


def _codes_of_defaults(
    node: ast.FunctionDef, owner: ast.ClassDef | None
) -> Iterator[tuple[str, str, str, str]]:
    arguments = node.args
    pairs = [
        *zip(arguments.args[::-1], arguments.defaults[::-1], strict=False),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    for argument, default in pairs:
        code = _constant(default)
        if argument.arg == "code" and code is not None and _CODE.fullmatch(code):
            class_name = owner.name if owner is not None and owner.name.endswith("Error") else ""
            yield code, class_name or "DefinitionError", "", ""


def _codes_of_dict(node: ast.Dict) -> Iterator[tuple[str, str, str, str]]:
    entries = {_constant(key): value for key, value in zip(node.keys, node.values, strict=True) if key}
    code = _constant(entries.get("code"))
    if code is not None and _CODE.fullmatch(code):
        yield code, "", _template(entries.get("message")), ""


def _constant(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _template(node: ast.expr | None) -> str:
    """A message as the source has it; what is filled in stands as `…`."""
    if isinstance(node, ast.Constant):
        return _flat(node.value) if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return _flat("".join(_template_piece(piece) for piece in node.values))
    if isinstance(node, ast.BinOp):
        return f"{_template(node.left)} {_template(node.right)}".strip()
    return ""


def _template_piece(piece: ast.expr) -> str:
    return str(piece.value) if isinstance(piece, ast.Constant) else "…"


# Command line -----------------------------------------------------------------------------------------


def cli_part() -> str:
    """Every command with its arguments and options."""
    lines: list[str] = []
    root = typer.main.get_command(command_line())
    for name, command in _commands(root, "motia"):
        lines += [f"## {name}", "", *textwrap.wrap(_flat(command.help or ""), 108), ""]
        lines += ["```text", f"{name} {_usage(command)}".rstrip(), "```", ""]
        rows = [_parameter_row(parameter) for parameter in command.params]
        if rows:
            lines += ["| | default | |", "|---|---|---|", *rows, ""]
    return "\n".join(lines)


def _commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield name, command
        return
    for child_name, child in children.items():
        yield from _commands(child, f"{name} {child_name}")


def _usage(command: Any) -> str:
    texts = []
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            text = parameter.name.upper() + (" …" if parameter.nargs == -1 else "")
            texts.append(text if parameter.required else f"[{text}]")
    if any(parameter.param_type_name == "option" for parameter in command.params):
        texts.append("[OPTIONS]")
    return " ".join(texts)


def _parameter_row(parameter: Any) -> str:
    names = parameter.name.upper()
    if parameter.param_type_name == "option":
        names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
        if choices := _choices(parameter.type_descriptor.annotation):
            names += " " + ", ".join(f"`{choice}`" for choice in choices)
    else:
        names = f"`{names}`"
    default = parameter.default
    plain = isinstance(default, str | int | float | Path) and not isinstance(default, bool)
    return _row((names, f"`{default}`" if plain else "", _flat(parameter.help or "")))


def _choices(annotation: Any) -> list[str]:
    """The values of a `Literal`, also of an optional one."""
    inner = [item for item in get_args(annotation) if item is not type(None)]
    if get_origin(annotation) is Literal:
        return [str(item) for item in inner]
    return [choice for item in inner for choice in _choices(item)]


# Events -----------------------------------------------------------------------------------------------


def events_part() -> str:
    """The catalogue's events that the framework emits now."""
    emitted = _emitted_events()
    lines = ["| event | when | fields |", "|---|---|---|"]
    for name, kind in EVENTS.items():
        if name in emitted:
            fields = ", ".join(f"`{field}`: {what}" for field, what in kind.fields.items())
            lines.append(_row((f"`{name}`", kind.when, fields)))
    return "\n".join([*lines, ""])


def _emitted_events() -> set[str]:
    found = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(_parsed(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                name = _constant(node.args[0])
                if node.func.attr == "event" and name is not None:
                    found.add(name)
    return found


# Writing ----------------------------------------------------------------------------------------------


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _flat(text: str) -> str:
    return " ".join(text.split())


PARTS: Mapping[str, Callable[[], str]] = {
    "settings": settings_part,
    "errors": errors_part,
    "cli": cli_part,
    "events": events_part,
}


def stale_pages() -> dict[Path, str]:
    """Pages whose generated parts are not what the code says now, with the text they should have."""
    stale = {}
    for path in sorted((ROOT / "docs").rglob("*.md")):
        page = path.read_text("utf-8")
        wanted = regenerated(page, PARTS)
        if wanted != page:
            stale[path] = wanted
    return stale


def main() -> int:
    """Write what is stale, or with `--check` name it; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a page is stale")
    check = parser.parse_args().check
    stale = stale_pages()
    for path, text in stale.items():
        sys.stdout.write(f"{'stale' if check else 'written'}: {path.relative_to(ROOT)}\n")
        if not check:
            path.write_text(text, "utf-8")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
