"""Python step files in, definitions and callable functions out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Literal

from motia.core.trigger import FunctionId
from motia.errors import DefinitionError
from motia.runtimes.protocol import Definition, Loaded
from motia.runtimes.python.failures import import_problem
from motia.runtimes.python.modules import ProjectModules
from motia.runtimes.python.plain import NotPlain, PlainConfig, as_mapping, without_given
from motia.runtimes.python.signature import signature_schemas

DEFINITIONS_ATTRIBUTE = "__motia_definitions__"
"""Decorated functions carry their configs under this name, a list of dicts."""
_MARKED = re.compile(r".*[._](step|stream)\.py$")
_STEP_CONFIG_KEYS = frozenset({"type", "triggers"})


class Loader:
    """Loads the Python files of one project and keeps their functions.

    *Concurrency*: `load` blocks while the files run their top level; one thread at a time.
    """

    def __init__(self) -> None:
        self.functions: dict[FunctionId, Callable[..., Any]] = {}
        """The functions of all definitions by handle: handlers, conditions, middleware, auth."""
        self._modules: ProjectModules | None = None

    def load(self, project_dir: Path, files: Sequence[Path]) -> Loaded:
        """What the files declare, in the order of their names. A second call forgets the first.

        *Failure*: problems are returned; a broken file hides no other.
        """
        self.close()
        modules = self._modules = ProjectModules(project_dir)
        loaded = Loaded()
        for file in sorted({_relative(path, project_dir, modules.root) for path in files}):
            try:
                module = modules.load(modules.root / file)
            except (Exception, SystemExit) as error:
                loaded.problems.append(import_problem(error, file, modules.root))
                continue
            _FileReader(module, file, loaded, self.functions).read()
        return loaded

    def load_module(self, path: Path) -> ModuleType:
        """Import a file of the project's root, after `load` if there is any step. Failure: what it raises."""
        if self._modules is None:
            self._modules = ProjectModules(path.parent)
        return self._modules.load(path)

    def close(self) -> None:
        """Forget the project: its functions, its modules and its places on `sys.path`. Safe twice."""
        self.functions.clear()
        if self._modules is not None:
            self._modules.close()
            self._modules = None


def _relative(path: Path, project_dir: Path, root: Path) -> str:
    if not path.is_absolute():
        return path.as_posix()
    for base in (root, project_dir.absolute()):
        if path.is_relative_to(base):
            return path.relative_to(base).as_posix()
    return path.resolve().relative_to(root).as_posix()


class _FileReader:
    """Finds all steps and streams in one module."""

    def __init__(
        self,
        module: ModuleType,
        file: str,
        loaded: Loaded,
        functions: dict[FunctionId, Callable[..., Any]],
    ) -> None:
        self._module = module
        self._file = file
        self._loaded = loaded
        self._plain = PlainConfig(file, functions)
        marked = _MARKED.match(file)
        self._kind: Literal["step", "stream", "plain"] = "plain"
        if marked is not None:
            self._kind = "step" if marked[1] == "step" else "stream"
        text = Path(module.__file__ or "").read_bytes().decode("utf-8", "replace")
        self._lines = _assigned_lines(text.removeprefix("\ufeff"))

    def read(self) -> None:
        before = len(self._loaded.definitions) + len(self._loaded.problems)
        config = self._module.__dict__.get("config")
        if self._kind == "stream":
            self._stream("config", config)
        elif config is not None:
            self._config(config)
        for name, value in list(self._module.__dict__.items()):
            if isinstance(value, FunctionType) and DEFINITIONS_ATTRIBUTE in value.__dict__:
                self._decorated(name, value)
            elif name in self._lines and name not in ("config", "handler"):
                self._object(name, value, config)
        found = len(self._loaded.definitions) + len(self._loaded.problems)
        if found == before and self._kind != "plain":
            if self._kind == "stream":
                what, hint = (
                    "a `config` with the stream's name",
                    'config = {"name": "chat", "schema": Message}',
                )
            elif callable(self._module.__dict__.get("handler")):
                what, hint = "a `config` beside the `handler`", "the config says which triggers run it"
            else:
                what = "a `config` (and a `handler`) or a decorated function"
                hint = 'decorate a function: @step(http("GET", "/hello"))'
            self._problem(f"file: expected {what}, got none", "step.no_config", hint=hint)

    def _config(self, config: Any) -> None:
        """`config` and `handler` of the module; without our suffix only if `config` looks like a step's."""
        mapping = as_mapping(config)
        if self._kind == "plain" and not (mapping and _STEP_CONFIG_KEYS & {str(key) for key in mapping}):
            return
        handler: Any = self._module.__dict__.get("handler")
        if _is_definition(handler):
            handler = handler.handler
        if handler is not None and not callable(handler):
            self._problem(
                f"handler: expected a function, got {type(handler).__name__}",
                "step.bad_handler",
                self._lines.get("handler", 1),
            )
        else:
            self._step("handler", config, handler, self._lines.get("config", 1))

    def _object(self, name: str, value: Any, config: Any) -> None:
        """A step or stream that is the value of some other name of the module."""
        if _is_definition(value):
            if value.config is not config:
                self._step(name, value.config, value.handler, self._lines[name])
        elif isinstance(value, list | tuple):
            for item in value:
                if _is_definition(item):
                    self._step(name, item.config, item.handler, self._lines[name])
        elif (stream := _stream_config(value)) is not None and stream is not config:
            self._stream(name, stream)

    def _decorated(self, name: str, function: FunctionType) -> None:
        if function.__module__ != self._module.__name__:
            # Imported from the file that declares it.
            return
        if self._module.__dict__.get(function.__name__, function) is function and name != function.__name__:
            # A second name for the same function.
            return
        line = _first_line(function) or 1
        for index, config in enumerate(function.__dict__[DEFINITIONS_ATTRIBUTE]):
            suffix = f"[{index}]" if index else ""
            self._step(f"{name}{suffix}", config, function, line, from_hints=True)

    def _step(self, name: str, config: Any, handler: Any, line: int, *, from_hints: bool = False) -> None:
        handler_id = self._plain.function(handler, name) if handler is not None else None
        plain = self._plain_config(config, name if name != "handler" else "config", line)
        if plain is None:
            return
        if from_hints and handler is not None:
            plain = self._with_hints(plain, handler, line)
            if plain is None:
                return
        self._loaded.definitions.append(
            Definition(
                kind="step",
                path=self._file,
                line=line,
                language="python",
                config=plain,
                handler=handler_id,
                handler_line=_first_line(handler),
            )
        )

    def _stream(self, name: str, config: Any) -> None:
        line = self._lines.get(name, 1)
        if config is None:
            return
        plain = self._plain_config(config, name, line)
        if plain is None or any(
            known.kind == "stream"
            and known.path == self._file
            and known.config.get("name") == plain.get("name")
            for known in self._loaded.definitions
        ):
            return
        self._loaded.definitions.append(
            Definition(kind="stream", path=self._file, line=line, language="python", config=plain)
        )

    def _plain_config(self, config: Any, name: str, line: int) -> dict[str, Any] | None:
        try:
            return self._plain.config(config, name)
        except NotPlain as error:
            self._problem(str(error), "step.bad_config", line)
        except DefinitionError as error:
            error.path, error.line = self._file, line
            self._loaded.problems.append(error)
        return None

    def _with_hints(self, config: dict[str, Any], handler: Any, line: int) -> dict[str, Any] | None:
        """The config with the schemas that the handler's type hints give and the triggers do not.

        None where a hint makes no schema: every call of such a step would fail.
        """
        triggers = config.get("triggers")
        if not isinstance(triggers, list):
            return config
        typed: list[Any] = []
        wrong: dict[str, DefinitionError] = {}
        for trigger in triggers:
            if not isinstance(trigger, Mapping):
                typed.append(trigger)
                continue
            try:
                hinted = signature_schemas(handler, trigger)
                typed.append({**trigger, **without_given(hinted, trigger)})
            except DefinitionError as error:
                error.path, error.line = self._file, line
                wrong[error.message] = error
        self._loaded.problems += wrong.values()
        return None if wrong else {**config, "triggers": typed}

    def _problem(self, message: str, code: str, line: int = 1, hint: str | None = None) -> None:
        self._loaded.problems.append(
            DefinitionError(message, code=code, path=self._file, line=line, hint=hint)
        )


def _is_definition(value: Any) -> bool:
    """A `StepDefinition` of ours, told by its shape, so that a copy of its class is one too."""
    return type(value).__name__ == "StepDefinition" and hasattr(value, "config") and hasattr(value, "handler")


def _stream_config(value: Any) -> Any:
    """The config of a `StreamConfig` or of a `Stream`, which may have a name only; None for anything else."""
    if type(value).__name__ == "StreamConfig":
        return value
    if type(value).__name__ == "Stream":
        config = getattr(value, "config", None)
        if as_mapping(config):
            return config
        return {"name": value.name} if getattr(value, "name", None) else None
    return None


def _first_line(function: Any) -> int | None:
    """Where a function starts, decorators included."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    code = getattr(function, "__code__", None)
    return code.co_firstlineno if code is not None else None


_ASSIGNMENT = re.compile(r"^([A-Za-z_]\w*(?:[ \t]*,[ \t]*[A-Za-z_]\w*)*)[ \t]*(?::[^=\n]+)?=(?!=)")


def _assigned_lines(text: str) -> dict[str, int]:
    """Names assigned at the left margin, with the line of the last assignment.

    Read as text: parsing every file once more would cost as much as loading it.
    """
    return dict(_assignments(text))


def _assignments(text: str) -> Iterator[tuple[str, int]]:
    for number, line in enumerate(text.splitlines(), 1):
        match = _ASSIGNMENT.match(line)
        if match is not None:
            for name in match[1].split(","):
                yield name.strip(), number
