"""Which events the workflows of a project wait for, read from the text of their files.

An event that comes before its wait is found only if it was kept, so the topics must be known before any run
comes to wait: `ctx.wait_for("payment.paid", match={"order": …})` says it where the names are texts.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from motia.discovery.finder import Candidate

_SCRIPT_WAIT = re.compile(
    r"""(?<![\w$])(?:waitFor|wait_for|WaitFor)(?:<[^()=]*>)?[ (]\s*(["'`])(?P<topic>[^"'`$]+)\1\s*"""
    r"""(?:,\s*(?:\{|motia\.\w+\{)?(?:[^{};)]*,)?\s*[mM]atch:\s*(?:map\[string\]any)?\{(?P<match>[^}]*)\})?"""
)
_SCRIPT_FIELD = re.compile(r"""(?:^|,)\s*["']?([A-Za-z_][\w.]*)["']?\s*(?=[:,}]|=>|$)""")

Waits = Mapping[str, tuple[tuple[str, ...], ...]]


def waits_of(files: Iterable[Candidate]) -> Waits:
    """Topic → the lists of fields that some file waits for. A file that cannot be read says nothing."""
    found: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for file in files:
        try:
            text = file.path.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            continue  # loading it says what is wrong with it
        if not any(name in text for name in ("wait_for", "waitFor", "WaitFor")):
            continue
        pairs = _in_python(text) if file.language == "python" else _in_script(text)
        for topic, fields in pairs:
            found[topic].add(fields)
    return {topic: tuple(sorted(every)) for topic, every in found.items()}


def _in_python(text: str) -> Iterable[tuple[str, tuple[str, ...]]]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "wait_for"
            and node.args
            and isinstance(node.args[0], ast.Constant)
            and isinstance(node.args[0].value, str)
        ):
            match = next((keyword.value for keyword in node.keywords if keyword.arg == "match"), None)
            names: list[str] = []
            if isinstance(match, ast.Dict):
                names = [str(key.value) for key in match.keys if isinstance(key, ast.Constant)]
            yield node.args[0].value, tuple(sorted(names))


def _in_script(text: str) -> Iterable[tuple[str, tuple[str, ...]]]:
    for found in _SCRIPT_WAIT.finditer(text):
        yield found["topic"], tuple(sorted(_SCRIPT_FIELD.findall(found["match"] or "")))
