"""Why a Python file could not be imported, in words its author can act on."""

from __future__ import annotations

import re
import sys
import traceback
from inspect import signature
from pathlib import Path

from motia.authoring.steps import step
from motia.authoring.triggers import (
    ApiTrigger,
    CronTrigger,
    QueueTrigger,
    StateTrigger,
    StreamTrigger,
    TimeTrigger,
)
from motia.core.spelling import did_you_mean
from motia.errors import DefinitionError

_NO_SUCH_NAME = re.compile(r"cannot import name '([^']+)' from '([^']+)'")

_TRIGGER_AS_DECORATOR = re.compile(r"'(Api|Queue|Cron|State|Stream|Time)Trigger' object is not callable")

_TRIGGERS = {
    trigger.type: trigger
    for trigger in (QueueTrigger, ApiTrigger, CronTrigger, StateTrigger, StreamTrigger, TimeTrigger)
}
_UNKNOWN_OPTION = re.compile(rf"({'|'.join(_TRIGGERS)}|step)\(\) got an unexpected keyword argument '(\w+)'")

_DISTRIBUTION_OF_MODULE = {
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "jwt": "PyJWT",
    "PIL": "pillow",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
}


def import_problem(error: BaseException, file: str, root: Path) -> DefinitionError:
    """The problem of `file`, relative to `root`; its line is the author's own innermost line in it."""
    path = root / file
    if isinstance(error, DefinitionError):
        # One of ours, used wrongly: it says by itself what was expected.
        own = error.line if _is(error.path, path) else next(iter(_lines(error, path)), 1)
        error.path, error.line = file, own
        return error
    if isinstance(error, SyntaxError) and error.filename is not None and _is(error.filename, path):
        problem = DefinitionError(
            f"syntax: expected Python, got {error.msg}",
            code="step.syntax",
            path=file,
            line=error.lineno or 1,
            hint=_syntax_hint(error),
        )
    elif isinstance(error, UnicodeDecodeError | SyntaxError) and not _lines(error, path):
        # Raised before the first line ran: the text itself could not be read.
        problem = DefinitionError(
            f"text: expected UTF-8, got {error}",
            code="step.syntax",
            path=file,
            hint="save the file as UTF-8",
        )
    else:
        problem = DefinitionError(
            f"import: expected the file to load, got {_described(error)}{_elsewhere(error, path, root)}",
            code="step.import_failed",
            path=file,
            line=next(iter(_lines(error, path)), 1),
            details={"exception": type(error).__name__},
            hint=_hint(error, root),
        )
    problem.__cause__ = error
    return problem


def _lines(error: BaseException, path: Path) -> list[int]:
    """Lines of `path` in the traceback, the innermost first."""
    frames = traceback.extract_tb(error.__traceback__)
    return [frame.lineno or 1 for frame in reversed(frames) if _is(frame.filename, path)]


def _is(filename: str, path: Path) -> bool:
    return filename == str(path) or Path(filename).resolve() == path.resolve()


def _described(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"a call of exit({error.code!r})"
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _elsewhere(error: BaseException, path: Path, root: Path) -> str:
    """Where in another file of the project it happened, if it did."""
    if isinstance(error, SyntaxError) and error.filename is not None:
        return f" ({_short(error.filename, root)}:{error.lineno})"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if _is(frame.filename, path):
            return ""
        if Path(frame.filename).is_relative_to(root) and "site-packages" not in frame.filename:
            return f" ({_short(frame.filename, root)}:{frame.lineno})"
    return ""


def _short(filename: str, root: Path) -> str:
    path = Path(filename)
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else filename


def _syntax_hint(error: SyntaxError) -> str | None:
    if "codec can't decode" in str(error.msg) or "(unicode error)" in str(error.msg):
        return "save the file as UTF-8"
    return f"the line reads: {error.text.strip()}" if error.text and error.text.strip() else None


def _hint(error: BaseException, root: Path) -> str | None:
    if isinstance(error, SystemExit):
        return "a step file must not end the process; put scripts under `if __name__ == '__main__'`"
    if isinstance(error, ModuleNotFoundError) and error.name:
        return _missing_module(error.name, root)
    if isinstance(error, ImportError) and error.path and _lines(error, Path(error.path)):
        return "two files import each other: move what both need into a third file"
    if isinstance(error, TypeError) and (trigger := _TRIGGER_AS_DECORATOR.search(str(error))) is not None:
        name = {"Api": "http", "Time": "at"}.get(trigger[1], trigger[1].lower())
        return f"a trigger goes inside the decorator: @step({name}(…)) above the function"
    if isinstance(error, TypeError) and (unknown := _UNKNOWN_OPTION.match(str(error))) is not None:
        return _unknown_option(unknown[1], unknown[2])
    wanted = _NO_SUCH_NAME.search(str(error)) if isinstance(error, ImportError) else None
    if wanted is not None and (module := sys.modules.get(wanted[2])) is not None:
        return did_you_mean(wanted[1], dir(module)) or None
    return None


def _unknown_option(function: str, option: str) -> str | None:
    """Where an option belongs that `step(…)` or a trigger does not take."""
    owner = next((name for name, trigger in _TRIGGERS.items() if option in trigger.keys), None)
    if function == "step" and owner is not None:
        return f"it is an option of a trigger: @step({owner}(…, {option}=…))"
    known = signature(step).parameters if function == "step" else _TRIGGERS[function].keys
    return did_you_mean(option, known) or None


def _missing_module(name: str, root: Path) -> str:
    top = name.partition(".")[0]
    places = [root / top, root / f"{top}.py", root / "src" / top, root / "steps" / top]
    if top.startswith("_motia_project") or any(place.exists() for place in places):
        return "no such file in the project: check the spelling of the import and where the file lies"
    if top == "motia":
        return "this package has no such module: import the name from `motia` itself"
    return f"pip install {_DISTRIBUTION_OF_MODULE.get(top, top)}"
