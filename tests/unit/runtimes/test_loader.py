from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from motia.core.trigger import HttpTrigger, QueueTrigger
from motia.discovery.dialects import to_step
from motia.errors import DefinitionError
from motia.runtimes.protocol import Definition, Loaded
from motia.runtimes.python.loader import Loader
from motia.schemas import Schema

Files = dict[str, str | bytes]
Load = Callable[[Files], Loaded]


@pytest.fixture
def loader() -> Iterator[Loader]:
    loader = Loader()
    yield loader
    loader.close()


@pytest.fixture
def load(loader: Loader, tmp_path: Path) -> Load:
    """Write the files of a project; load those under its steps/, src/ and motia/ that are no helpers."""

    def write_and_load(files: Files) -> Loaded:
        for relative, text in files.items():
            path = tmp_path / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else dedent(text).encode())
        steps = [
            tmp_path / relative
            for relative in files
            if relative.endswith(("step.py", "stream.py")) or relative.startswith("motia/")
        ]
        return loader.load(tmp_path, steps)

    return write_and_load


def only(loaded: Loaded) -> Definition:
    assert [str(problem) for problem in loaded.problems] == []
    assert len(loaded.definitions) == 1
    return loaded.definitions[0]


def only_problem(loaded: Loaded) -> DefinitionError:
    assert loaded.definitions == []
    assert len(loaded.problems) == 1, loaded.problems
    return loaded.problems[0]


SIMPLE = """
config = {"type": "event", "name": "Simple", "subscribes": ["a"]}

async def handler(input, ctx):
    return input
"""


class TestConfigAndHandler:
    def test_a_dict(self, load: Load, loader: Loader) -> None:
        definition = only(load({"steps/simple_step.py": SIMPLE}))
        assert definition.kind == "step"
        assert definition.language == "python"
        assert definition.path == "steps/simple_step.py"
        assert definition.line == 2
        assert definition.handler_line == 4
        assert definition.handler == "steps/simple_step.py#handler"
        assert definition.config == {"type": "event", "name": "Simple", "subscribes": ["a"]}
        assert loader.functions[definition.handler].__name__ == "handler"

    def test_no_handler(self, load: Load) -> None:
        definition = only(load({"steps/wait_step.py": "config = {'type': 'noop', 'name': 'Wait'}\n"}))
        assert definition.handler is None

    def test_an_annotated_config_of_constants(self, load: Load) -> None:
        definition = only(
            load(
                {
                    "steps/a_step.py": """
                    from typing import Any
                    TOPICS = [f"topic.{name}" for name in ("a", "b")]
                    config: dict[str, Any] = {"type": "event", "name": "A", "subscribes": TOPICS}
                    def handler(input): ...
                    """
                }
            )
        )
        assert definition.config["subscribes"] == ["topic.a", "topic.b"]
        assert definition.line == 4

    def test_a_pydantic_config(self, load: Load) -> None:
        definition = only(
            load(
                {
                    "steps/a_step.py": """
                    from typing import Any
                    from pydantic import BaseModel

                    class StepConfig(BaseModel):
                        name: str
                        triggers: list[Any]

                    class Input(BaseModel):
                        n: int = 1

                    config = StepConfig(name="A", triggers=[{"type": "queue", "topic": "t", "input": Input}])
                    def handler(input, ctx): ...
                    """
                }
            )
        )
        assert definition.config["name"] == "A"
        schema = definition.config["triggers"][0]["input"]
        assert isinstance(schema, Schema)
        assert schema.source.__name__ == "Input"

    def test_functions_become_handles(self, load: Load, loader: Loader) -> None:
        definition = only(
            load(
                {
                    "steps/a_step.py": """
                    def guard(request, ctx, next_fn): ...
                    def big(input, ctx): return input["n"] > 5
                    config = {"name": "A", "triggers": [
                        {"type": "http", "method": "GET", "path": "/",
                         "middleware": [guard], "condition": big},
                    ]}
                    def handler(request): ...
                    """
                }
            )
        )
        trigger = definition.config["triggers"][0]
        (handle,) = trigger["middleware"]
        assert loader.functions[handle["$function"]].__name__ == "guard"
        assert loader.functions[trigger["condition"]["$function"]]({"n": 6}, None) is True

    def test_values_of_python_become_plain(self, load: Load) -> None:
        definition = only(
            load(
                {
                    "steps/a_step.py": """
                    import enum
                    from datetime import datetime, timedelta, timezone

                    class Topic(str, enum.Enum):
                        A = "a"

                    config = {"name": "A", "flows": ("f",), "enqueues": {Topic.A}, "triggers": [
                        {"type": "queue", "topic": Topic.A, "timeout": timedelta(minutes=1)},
                        {"type": "at", "at": datetime(2030, 1, 1, tzinfo=timezone.utc)},
                    ]}
                    def handler(input): ...
                    """
                }
            )
        )
        assert definition.config == {
            "name": "A",
            "flows": ["f"],
            "enqueues": ["a"],
            "triggers": [
                {"type": "queue", "topic": "a", "timeout": 60.0},
                {"type": "at", "at": "2030-01-01T00:00:00+00:00"},
            ],
        }

    @pytest.mark.parametrize(
        ("written", "expected"),
        [
            ("Model", "object"),
            ("Model.model_json_schema()", "object"),
            ("{'userId': str, 'tags': list}", "object"),
            ("{'type': 'array', 'items': {'type': 'string'}}", "array"),
            ("{'name': {'type': 'string'}}", "object"),
            ("list[Model]", "array"),
        ],
    )
    def test_schemas_in_all_forms(self, load: Load, written: str, expected: str) -> None:
        definition = only(
            load(
                {
                    "steps/a_step.py": f"""
                    from pydantic import BaseModel
                    class Model(BaseModel):
                        n: int
                    config = {{"type": "api", "name": "A", "method": "POST", "path": "/",
                               "bodySchema": {written}, "responseSchema": {{200: {written}, 404: None}}}}
                    def handler(req, ctx): ...
                    """
                }
            )
        )
        assert isinstance(definition.config["bodySchema"], Schema)
        assert definition.config["bodySchema"]["type"] == expected
        step, problems, _ = to_step(definition)
        assert problems == []
        assert step is not None
        (trigger,) = step.triggers
        assert isinstance(trigger, HttpTrigger)
        assert trigger.body_schema is definition.config["bodySchema"]
        assert list(trigger.response_schemas) == [200]

    def test_no_schema(self, load: Load) -> None:
        text = SIMPLE.replace("}", ', "input": None}')
        assert only(load({"steps/a_step.py": text})).config["input"] is None

    @pytest.mark.parametrize(
        ("config", "expected"),
        [
            ("42", "expected a mapping, got int"),
            ("{'name': 'A', 'input': 'text'}", "expected a type, a map of types or a JSON Schema"),
            ("{'name': 'A', 'extra': object()}", "config.extra: expected text"),
            ("{'name': 'A', 'input': {'type': 'strng'}}", "expected a valid JSON Schema"),
        ],
    )
    def test_a_wrong_config_is_a_problem_at_its_line(self, load: Load, config: str, expected: str) -> None:
        problem = only_problem(load({"steps/a_step.py": f"\n\nconfig = {config}\ndef handler(i): ...\n"}))
        assert expected in problem.message
        assert (problem.path, problem.line) == ("steps/a_step.py", 3)

    def test_a_handler_that_cannot_be_called(self, load: Load) -> None:
        problem = only_problem(load({"steps/a_step.py": "config = {'name': 'A'}\nhandler = 'f'\n"}))
        assert (problem.code, problem.line) == ("step.bad_handler", 2)


class TestDefinitionsOfOurs:
    def test_config_and_handler_unpacked_from_step(self, load: Load) -> None:
        definition = only(
            load(
                {
                    "steps/a_step.py": """
                    from motia import queue, step

                    async def work(input, ctx): ...

                    config, handler = step({"name": "A", "triggers": [queue("t")]}, work)
                    """
                }
            )
        )
        assert definition.config["triggers"] == [{"type": "queue", "topic": "t"}]
        assert definition.line == 6

    def test_definitions_under_any_name(self, load: Load) -> None:
        loaded = load(
            {
                "steps/a_step.py": """
                from motia import http, multi_trigger_step, queue, step

                first = step({"name": "First", "triggers": [queue("t")]}, lambda input: 1)

                second = multi_trigger_step(
                    {"name": "Second", "triggers": [queue("u"), http("GET", "/u")]}
                ).handlers(queue=lambda input: 2, http=lambda request: 3)

                third = step({"name": "Third", "triggers": []})(lambda input: 4)
                """
            }
        )
        assert loaded.problems == []
        assert [(d.config["name"], d.line) for d in loaded.definitions] == [
            ("First", 4),
            ("Second", 6),
            ("Third", 10),
        ]
        assert len({d.handler for d in loaded.definitions}) == 3

    def test_decorated_functions_are_steps_of_their_own(self, load: Load, loader: Loader) -> None:
        loaded = load(
            {
                "motia/steps/ai/analyze_user.py": """
                from motia import api, cron, event, logger_or_not
                """.replace(", logger_or_not", "")
                + """
                @event(id="analyze-user", schema={"userId": str, "actions": list}, concurrency=5)
                async def analyze(userId: str, actions: list) -> dict:
                    return {}

                @api(id="create-user", method="POST", path="/users/{id}")
                async def create(id: str):
                    return {}

                again = create

                @cron(id="daily", schedule="0 9 * * *")
                def daily(): ...
                """
            }
        )
        assert loaded.problems == []
        steps = {}
        for definition in loaded.definitions:
            step, problems, notices = to_step(definition)
            assert (problems, notices) == ([], [])
            assert step is not None
            assert step.dialect == "function"
            assert step.handler in loader.functions
            steps[step.name] = step
        assert list(steps) == ["analyze-user", "create-user", "daily"]
        (trigger,) = steps["analyze-user"].triggers
        assert isinstance(trigger, QueueTrigger)
        assert trigger.topic == "analyze-user"
        assert trigger.policy.concurrency == 5
        assert trigger.schema is not None

    def test_type_hints_are_the_schema(self, load: Load) -> None:
        definition = only(
            load(
                {
                    "src/orders_step.py": """
                    from pydantic import BaseModel
                    from motia import http, step

                    class Order(BaseModel):
                        sku: str

                    @step(http("POST", "/orders"), enqueues=["order.created"])
                    async def create_order(order: Order) -> Order:
                        return order
                    """
                }
            )
        )
        step, problems, notices = to_step(definition)
        assert (problems, notices) == ([], [])
        assert step is not None
        assert step.name == "create_order"
        (trigger,) = step.triggers
        assert isinstance(trigger, HttpTrigger)
        assert isinstance(trigger.body_schema, Schema)
        assert trigger.body_schema["required"] == ["sku"]

    @pytest.mark.parametrize("key", ["body_schema=Given", "schema=Given", "schema={'body': Given}"])
    def test_a_schema_that_is_given_counts_more_than_hints(self, load: Load, key: str) -> None:
        definition = only(
            load(
                {
                    "src/orders_step.py": f"""
                    from pydantic import BaseModel
                    from motia import http, step

                    class Order(BaseModel):
                        sku: str

                    class Given(BaseModel):
                        given: int

                    @step(http("POST", "/orders", {key}))
                    async def create_order(order: Order) -> Order:
                        return order
                    """
                }
            )
        )
        step, problems, notices = to_step(definition)
        assert (problems, notices) == ([], [])
        assert step is not None
        (trigger,) = step.triggers
        assert isinstance(trigger, HttpTrigger)
        assert trigger.body_schema is not None
        assert trigger.body_schema["required"] == ["given"]
        assert trigger.response_schemas[200]["required"] == ["sku"]

    def test_hints_of_a_message(self, load: Load) -> None:
        definition = only(
            load(
                {
                    "src/a_step.py": """
                    from motia import queue, step

                    @step(queue("t"))
                    async def work(user_id: str, tries: int = 1): ...
                    """
                }
            )
        )
        step, _, _ = to_step(definition)
        assert step is not None
        (trigger,) = step.triggers
        assert isinstance(trigger, QueueTrigger)
        assert trigger.schema is not None
        assert trigger.schema["required"] == ["user_id"]

    def test_hints_of_config_and_handler_are_no_schema(self, load: Load) -> None:
        text = SIMPLE.replace("input, ctx", "input: int, ctx")
        assert "input" not in only(load({"steps/a_step.py": text})).config

    def test_a_step_imported_by_another_is_registered_once(self, load: Load, loader: Loader) -> None:
        first = """
            from motia import event
            @event(id="shared")
            def shared(): ...
            """
        second = """
            from motia import event
            from steps.b_step import shared
            @event(id="own")
            def own(): return shared
            """
        loaded = load({"steps/a_step.py": second, "steps/b_step.py": first})
        assert [(d.config["name"], d.path) for d in loaded.definitions] == [
            ("own", "steps/a_step.py"),
            ("shared", "steps/b_step.py"),
        ]
        shared = loader.functions["steps/b_step.py#shared"]
        assert loader.functions["steps/a_step.py#own"]() is shared

    def test_a_wrong_call_of_ours_is_told_at_its_line(self, load: Load) -> None:
        problem = only_problem(
            load({"steps/a_step.py": "from motia import step\n\n@step('POST /x')\ndef f(): ...\n"})
        )
        assert (problem.path, problem.line) == ("steps/a_step.py", 3)
        assert "expected a trigger" in problem.message

    def test_a_plain_file_that_declares_nothing_is_no_problem(self, load: Load) -> None:
        loaded = load({"motia/steps/lib.py": "from motia import queue\nconfig = {'retries': 3}\n"})
        assert (loaded.definitions, loaded.problems) == ([], [])


class TestStreams:
    def test_a_config(self, load: Load, loader: Loader) -> None:
        definition = only(
            load(
                {
                    "src/todo_stream.py": """
                    from pydantic import BaseModel
                    class Todo(BaseModel):
                        text: str
                    def can_access(subscription, auth): return True
                    config = {"name": "todo", "schema": Todo, "canAccess": can_access,
                              "baseConfig": {"storageType": "default"}}
                    """
                }
            )
        )
        assert definition.kind == "stream"
        assert definition.config["schema"]["required"] == ["text"]
        assert loader.functions[definition.config["canAccess"]["$function"]](None, None) is True

    def test_objects_made_from_the_same_config_are_one_stream(self, load: Load) -> None:
        definition = only(
            load(
                {
                    "src/todo_stream.py": """
                    class Stream:
                        def __init__(self, config): self.config = config
                    config = {"name": "todo"}
                    todos = Stream(config)
                    other = Stream({"name": "todo"})
                    """
                }
            )
        )
        assert definition.config == {"name": "todo"}

    def test_a_stream_declared_in_a_step_file(self, load: Load) -> None:
        loaded = load(
            {
                "steps/a_step.py": """
                class StreamConfig(dict): ...
                todos = StreamConfig(name="todo")
                config = {"type": "noop", "name": "A"}
                """
            }
        )
        assert [(d.kind, d.config["name"]) for d in loaded.definitions] == [("step", "A"), ("stream", "todo")]

    def test_a_stream_file_without_a_stream(self, load: Load) -> None:
        assert only_problem(load({"src/x_stream.py": "a = 1\n"})).code == "step.no_config"


class TestNamesAndImports:
    @pytest.mark.parametrize(
        "file",
        [
            "steps/01-first.step.py",
            "steps/deletion_reaper.cron_step.py",
            "steps/day-8/parse-query_step.py",
            "steps/v1.2/a_step.py",
            "src/orders/create_step.py",
            "motia/steps/users/create_user.py",
        ],
    )
    def test_any_file_name_loads_and_imports_beside_itself(self, load: Load, file: str) -> None:
        folder = file.rpartition("/")[0]
        text = "from motia import event\nfrom .services.mail import SENDER\n"
        text += "config = {'type': 'event', 'name': SENDER, 'subscribes': ['a']}\ndef handler(input): ...\n"
        files: Files = {file: text, f"{folder}/services/mail.py": "SENDER = 'me'\n"}
        # The helper of motia/ is no step of its own.
        definition = next(d for d in load(files).definitions if d.path == file)
        assert definition.config["name"] == "me"

    def test_imports_from_the_root_and_from_src(self, load: Load) -> None:
        definition = only(
            load(
                {
                    "src/__init__.py": "",
                    "src/services/__init__.py": "",
                    "src/services/store.py": "NAME = 'A'\n",
                    "lib/thing.py": "FLOW = 'f'\n",
                    "src/steps/a_step.py": """
                    from src.services.store import NAME
                    from lib.thing import FLOW
                    config = {"type": "noop", "name": NAME, "flows": [FLOW]}
                    """,
                }
            )
        )
        assert definition.config == {"type": "noop", "name": "A", "flows": ["f"]}

    def test_imports_from_the_folder_of_the_steps(self, load: Load) -> None:
        definition = only(
            load(
                {
                    "src/shared/names.py": "NAME = 'A'\n",
                    "src/api/a_step.py": """
                    from shared.names import NAME
                    config = {"type": "noop", "name": NAME}
                    """,
                }
            )
        )
        assert definition.config["name"] == "A"

    def test_relative_and_absolute_imports_share_one_module(self, load: Load, loader: Loader) -> None:
        step = "{0}\nconfig = {{'type': 'noop', 'name': '{1}'}}\ndef handler(): return ITEMS\n"
        load(
            {
                "steps/store.py": "ITEMS = []\n",
                "steps/a_step.py": step.format("from .store import ITEMS", "A"),
                "steps/b_step.py": step.format("from steps.store import ITEMS", "B"),
            }
        )
        assert loader.functions["steps/a_step.py#handler"]() is loader.functions["steps/b_step.py#handler"]()

    def test_files_of_one_name_in_two_folders(self, load: Load) -> None:
        text = "config = {{'type': 'noop', 'name': '{}'}}\n"
        loaded = load({"steps/a/x_step.py": text.format("A"), "steps/b/x_step.py": text.format("B")})
        assert [d.config["name"] for d in loaded.definitions] == ["A", "B"]

    def test_a_motia_folder_of_the_project_does_not_hide_the_package(
        self, load: Load, tmp_path: Path
    ) -> None:
        import motia

        text = "import motia\nfrom motia import event\n@event(id=motia.__file__)\ndef f(): ...\n"
        definition = only(load({"motia/__init__.py": "", "motia/events/f.py": text} | {}))
        assert definition.config["name"] == motia.__file__

    def test_dataclasses_and_their_module_are_found(self, load: Load) -> None:
        definition = only(
            load(
                {
                    "steps/my-thing.step.py": """
                    from __future__ import annotations
                    from dataclasses import dataclass
                    @dataclass
                    class Order:
                        sku: str
                    config = {"type": "event", "name": "A", "subscribes": ["a"], "input": Order}
                    def handler(input): ...
                    """
                }
            )
        )
        assert definition.config["input"]["required"] == ["sku"]

    def test_closing_leaves_nothing_behind(self, tmp_path: Path) -> None:
        paths, modules = list(sys.path), set(sys.modules)
        for number in (1, 2):
            project = tmp_path / str(number)
            (project / "steps").mkdir(parents=True)
            (project / "steps/names.py").write_text(f"NAME = 'N{number}'\n")
            text = "from steps.names import NAME\nconfig = {'type': 'noop', 'name': NAME}\n"
            (project / "steps/a_step.py").write_text(text)
            loader = Loader()
            definition = only(loader.load(project, [project / "steps/a_step.py"]))
            assert definition.config["name"] == f"N{number}"
            loader.close()
            loader.close()
        assert sys.path == paths
        assert set(sys.modules) - modules == set()

    def test_a_file_saved_twice_in_one_second_is_run_as_it_is_now(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "dont_write_bytecode", False)
        file = tmp_path / "steps/a_step.py"
        file.parent.mkdir()
        loader = Loader()
        for name in ("A", "B"):
            file.write_text(f"config = {{'type': 'noop', 'name': '{name}'}}\n")
            assert only(loader.load(tmp_path, [file])).config["name"] == name
        assert list((tmp_path / "steps/__pycache__").iterdir())
        loader.close()


class TestBrokenFiles:
    def test_they_hide_no_others(self, load: Load) -> None:
        loaded = load(
            {"steps/a_step.py": "def broken(:\n", "steps/b_step.py": SIMPLE, "steps/c_step.py": "1/0"}
        )
        assert [d.path for d in loaded.definitions] == ["steps/b_step.py"]
        assert [p.path for p in loaded.problems] == ["steps/a_step.py", "steps/c_step.py"]

    def test_a_syntax_error(self, load: Load) -> None:
        problem = only_problem(load({"steps/a_step.py": "config = {}\n\ndef handler(:\n    pass\n"}))
        assert (problem.code, problem.line) == ("step.syntax", 3)
        assert isinstance(problem.__cause__, SyntaxError)

    def test_an_exception_is_told_at_the_authors_own_line(self, load: Load) -> None:
        files: Files = {
            "steps/lib.py": "def fail():\n    raise KeyError('TOKEN')\n",
            "steps/a_step.py": "from .lib import fail\n\nfail()\n",
        }
        problem = only_problem(load(files))
        assert (problem.code, problem.line) == ("step.import_failed", 3)
        assert "KeyError: 'TOKEN'" in problem.message
        assert "steps/lib.py:2" in problem.message

    @pytest.mark.parametrize(
        ("module", "hint"),
        [
            ("not_installed_anywhere", "pip install not_installed_anywhere"),
            ("bs4.x", "pip install beautifulsoup4"),
        ],
    )
    def test_a_missing_package(self, load: Load, module: str, hint: str) -> None:
        problem = only_problem(load({"steps/a_step.py": f"import json\nimport {module}\n"}))
        assert (problem.code, problem.line, problem.hint) == ("step.import_failed", 2, hint)

    def test_a_missing_file_of_the_project(self, load: Load) -> None:
        files: Files = {"src/services/a.py": "", "src/a_step.py": "from src.services.b import x\n"}
        hint = only_problem(load(files)).hint
        assert hint is not None
        assert "no such file in the project" in hint

    @pytest.mark.parametrize(
        ("line", "hint"),
        [
            ("from motia import htttp", "did you mean 'http'?"),
            ("from json import dmups", "did you mean 'dumps'?"),
            ("from json import nothing_like_it", None),
        ],
    )
    def test_a_misspelt_name(self, load: Load, line: str, hint: str | None) -> None:
        problem = only_problem(load({"steps/a_step.py": f"{line}\n"}))
        assert (problem.code, problem.hint) == ("step.import_failed", hint)

    def test_a_trigger_that_stands_where_the_decorator_belongs(self, load: Load) -> None:
        source = 'from motia import http\n@http("GET", "/a")\nasync def a():\n    return 1\n'
        hint = only_problem(load({"steps/a_step.py": source})).hint
        assert hint == "a trigger goes inside the decorator: @step(http(…)) above the function"

    @pytest.mark.parametrize(
        ("line", "hint"),
        [
            (
                '@step(queue("a"), on_failure="b")',
                "it is an option of a trigger: @step(queue(…, on_failure=…))",
            ),
            ('@step(queue("a"), enqeues=["b"])', "did you mean 'enqueues'?"),
            ('@step(http("GET", "/a", idempotent=True))', "did you mean 'idempotency'?"),
            ('@step(cron("* * * * *", zone="UTC"))', "did you mean 'timezone'?"),
            ("@step(nothing_like_it=1)", None),
        ],
    )
    def test_an_option_that_belongs_elsewhere(self, load: Load, line: str, hint: str | None) -> None:
        source = f"from motia import cron, http, queue, step\n{line}\nasync def a():\n    return 1\n"
        problem = only_problem(load({"steps/a_step.py": source}))
        assert (problem.line, problem.hint) == (2, hint)

    def test_files_that_import_each_other(self, load: Load) -> None:
        files: Files = {
            "steps/a_step.py": f"from steps.b_step import B\nA = 1\n{SIMPLE}",
            "steps/b_step.py": f"from steps.a_step import A\nB = 1\n{SIMPLE}",
        }
        loaded = load(files)
        assert loaded.definitions == []
        assert [(p.path, p.line) for p in loaded.problems] == [("steps/a_step.py", 1), ("steps/b_step.py", 1)]
        assert all(p.hint and "import each other" in p.hint for p in loaded.problems)

    def test_a_file_that_ends_the_process(self, load: Load) -> None:
        problem = only_problem(load({"steps/a_step.py": "import sys\nsys.exit(3)\n"}))
        assert (problem.code, problem.line) == ("step.import_failed", 2)
        assert "exit(3)" in problem.message

    def test_text_that_is_not_utf8(self, load: Load) -> None:
        problem = only_problem(load({"steps/a_step.py": b"config = {'name': 'caf\xe9'}\n"}))
        assert problem.code == "step.syntax"
        assert problem.hint == "save the file as UTF-8"

    def test_null_bytes(self, load: Load) -> None:
        assert only_problem(load({"steps/a_step.py": b"a = 1\x00\n"})).code == "step.syntax"

    def test_a_byte_order_mark_and_windows_line_ends_are_fine(self, load: Load) -> None:
        text = b"\xef\xbb\xbf" + SIMPLE.replace("\n", "\r\n").encode()
        definition = only(load({"steps/a_step.py": text}))
        assert (definition.line, definition.handler_line) == (2, 4)

    def test_another_encoding_that_is_declared_is_fine(self, load: Load) -> None:
        text = "# -*- coding: latin-1 -*-\nconfig = {'type': 'noop', 'name': 'caf\xe9'}\n".encode("latin-1")
        assert only(load({"steps/a_step.py": text})).config["name"] == "caf\xe9"

    def test_an_empty_file(self, load: Load) -> None:
        problem = only_problem(load({"steps/a_step.py": ""}))
        assert (problem.code, problem.line) == ("step.no_config", 1)
        assert problem.hint == 'decorate a function: @step(http("GET", "/hello"))'

    def test_a_handler_alone(self, load: Load) -> None:
        problem = only_problem(load({"steps/a_step.py": "def handler(input): ...\n"}))
        assert problem.message == "file: expected a `config` beside the `handler`, got none"

    def test_an_empty_config_is_left_to_the_dialects(self, load: Load) -> None:
        definition = only(load({"steps/a_step.py": "config = {}\ndef handler(i): ...\n"}))
        _, problems, _ = to_step(definition)
        assert [problem.code for problem in problems] == ["step.empty_config"]

    def test_a_file_that_is_gone(self, loader: Loader, tmp_path: Path) -> None:
        problem = only_problem(loader.load(tmp_path, [tmp_path / "steps/gone_step.py"]))
        assert problem.code == "step.import_failed"

    def test_odd_values_of_a_module_do_no_harm(self, load: Load) -> None:
        text = """
        class Odd:
            def __getattr__(self, name): raise RuntimeError(name)
            def __eq__(self, other): raise RuntimeError
        odd = Odd()
        """
        assert only(load({"steps/a_step.py": dedent(text) + SIMPLE})).config["name"] == "Simple"


def test_a_definition_can_be_sent_elsewhere(load: Load) -> None:
    import json

    definition: Any = only(load({"steps/simple_step.py": SIMPLE}))
    assert json.loads(json.dumps(definition.config)) == definition.config


def test_a_hint_that_makes_no_schema_keeps_the_step_out(load: Load) -> None:
    problem = only_problem(
        load(
            {
                "steps/a_step.py": """
                from motia import http, queue, step

                class Connection: ...

                @step(http("GET", "/a"), queue("a"))
                async def a(n: int, connection: Connection) -> None: ...
                """
            }
        )
    )
    assert (problem.code, problem.line) == ("schema.invalid", 6)
    assert "expected a type that JSON can carry, got Connection: " in problem.message
