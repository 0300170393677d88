"""Does a source text import what steps are written with? Read as text: nothing is executed to find out."""

from __future__ import annotations

import re

AUTHORING_NAMES = frozenset(
    {
        "api",
        "at",
        "cron",
        "event",
        "http",
        "multi_trigger_step",
        "multiTriggerStep",
        "noop",
        "queue",
        "state",
        "step",
        "stream",
    }
)
_PYTHON_FROM = re.compile(
    r"^[ \t]*from[ \t]+motia(?:\.authoring[.\w]*|\.triggers|\.step|\.multi_trigger)?[ \t]+import[ \t]*"
    r"(\([^)]*\)|(?:[^\n\\]|\\\r?\n)*)",
    re.MULTILINE,
)
_PYTHON_IMPORT = re.compile(
    r"^[ \t]*import[ \t]+motia(?:[ \t]+as[ \t]+(\w+))?[ \t]*(?:#.*)?\r?$", re.MULTILINE
)
_PYTHON_COMMENT = re.compile(r"#[^\n]*")
_PYTHON_TEST = re.compile(
    r"^(?:(?:async[ \t]+)?def[ \t]+test_|class[ \t]+Test|import[ \t]+pytest|from[ \t]+pytest)", re.MULTILINE
)
_PACKAGES = r"['\"](?:motia|@motia/core|@motiadev/core|@iii-dev/motia)['\"]"
_SCRIPT_IMPORT = re.compile(
    rf"^[ \t]*import[ \t]+(?!type\b)([^;'\"]*?)[ \t\r\n]*from[ \t\r\n]*{_PACKAGES}", re.MULTILINE
)
_SCRIPT_REQUIRE = re.compile(
    rf"^[ \t]*(?:const|let|var)[ \t]+([^=;]*?)[ \t\r\n]*=[ \t\r\n]*require\([ \t]*{_PACKAGES}", re.MULTILINE
)
_SCRIPT_DEFAULT = re.compile(
    r"^[ \t]*(?:export[ \t]+default|module\.exports[ \t]*=)[ \t]+(api|event|cron|step|multiTriggerStep)\(",
    re.MULTILINE,
)
_SCRIPT_RENAME = re.compile(r"\s+as\s+|\s*:\s*")


def imports_authoring_names(text: str, language: str) -> bool:
    """True if the text imports one of the names that declare a step. Type-only imports do not count.

    So does a script that exports what such a name gives and forgot the import: loading it says what is
    missing.
    """
    text = text.removeprefix("\ufeff")
    if language == "python":
        return "motia" in text and _python(text)
    return ("motia" in text and _script(text)) or _forgot_import(text)


def _forgot_import(text: str) -> bool:
    match = _SCRIPT_DEFAULT.search(text)
    return match is not None and re.search(rf"\b{match[1]}\b", text[: match.start()]) is None


def is_python_test(text: str) -> bool:
    """True for a text that holds tests for pytest or unittest."""
    return _PYTHON_TEST.search(text.removeprefix("\ufeff")) is not None


def _python(text: str) -> bool:
    for match in _PYTHON_FROM.finditer(text):
        names = _PYTHON_COMMENT.sub("", match[1]).replace("\\", " ").strip("() \t\r\n")
        imported = {part.split()[0] for part in names.split(",") if part.split()}
        if imported & AUTHORING_NAMES or "*" in imported:
            return True
    for match in _PYTHON_IMPORT.finditer(text):
        name = re.escape(match[1] or "motia")
        if re.search(rf"(?<![\w.]){name}\.(?:{'|'.join(sorted(AUTHORING_NAMES))})\b", text):
            return True
    return False


def _script(text: str) -> bool:
    for pattern in (_SCRIPT_IMPORT, _SCRIPT_REQUIRE):
        for match in pattern.finditer(text):
            clause = match[1].strip()
            if not clause.startswith("{"):
                return True
            parts = clause.strip("{} ").split(",")
            if any(_SCRIPT_RENAME.split(part.strip())[0] in AUTHORING_NAMES for part in parts):
                return True
    return False
