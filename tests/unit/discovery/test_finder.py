from __future__ import annotations

from pathlib import Path

import pytest

from motia.discovery.finder import find_files, kind_of


def write(root: Path, relative: str, text: str = "") -> None:
    path = root / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def found(root: Path) -> dict[str, tuple[str, str]]:
    return {one.relative: (one.language, one.kind) for one in find_files(root).candidates}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("create.step.ts", ("step", "typescript")),
        ("create.step.js", ("step", "javascript")),
        ("create.step.mjs", ("step", "javascript")),
        ("create.step.rb", ("step", "ruby")),
        ("create.step.go", ("step", "go")),
        ("create_step.py", ("step", "python")),
        ("create_step.rb", ("step", "ruby")),
        ("create.step.py", ("step", "python")),
        ("01-api.cron.step.ts", ("step", "typescript")),
        ("deletion_reaper.cron_step.py", ("step", "python")),
        ("energy.status.stream.ts", ("stream", "typescript")),
        ("todo_stream.py", ("stream", "python")),
        ("order.service.ts", ("plain", "typescript")),
        ("create.step.tsx", None),
        ("create.step.ts-features.json", None),
        ("create.step.d.ts", None),
        ("create.step.test.ts", None),
        ("create.spec.js", None),
        (".hidden_step.py", None),
    ],
)
def test_a_name_tells_kind_and_language(name: str, expected: tuple[str, str] | None) -> None:
    assert kind_of(name) == expected


def test_files_are_found_in_all_places_and_sorted(tmp_path: Path) -> None:
    for relative in (
        "src/orders/create_step.py",
        "steps/01-first.step.ts",
        "motia/steps/users/create_step.py",
        "motia/events/mail.step.js",
        "motia/workflows/order_step.py",
        "streams/todo.stream.ts",
        "streams/not_here_step.py",
        "lib/other_step.py",
    ):
        write(tmp_path, relative)
    relatives = [one.relative for one in find_files(tmp_path).candidates]
    assert relatives == [
        "motia/events/mail.step.js",
        "motia/steps/users/create_step.py",
        "motia/workflows/order_step.py",
        "src/orders/create_step.py",
        "steps/01-first.step.ts",
        "streams/todo.stream.ts",
    ]


@pytest.mark.parametrize(
    "folder",
    [
        "node_modules/x",
        ".git",
        "build",
        "dist",
        ".venv/lib",
        "venv",
        "env",
        "python_modules",
        "tests",
        "__tests__",
    ],
)
def test_folders_that_hold_no_steps_are_left_out(tmp_path: Path, folder: str) -> None:
    write(tmp_path, f"steps/{folder}/a_step.py")
    assert found(tmp_path) == {}


def test_a_virtual_environment_of_any_name_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, "src/my-python/pyvenv.cfg")
    write(tmp_path, "src/my-python/a_step.py")
    assert found(tmp_path) == {}


@pytest.mark.parametrize(
    "text",
    [
        "from motia import event\n",
        "from motia import (\n    logger,  # for logs\n    api as route,\n)\n",
        "\ufefffrom motia import cron\n",
        "import json\r\nfrom motia import step, http\r\n",
        "from motia import \\\n    noop\n",
        "import motia\n\n@motia.event(id='x')\ndef f(): ...\n",
        "import motia as m\n\n@m.cron(id='x', schedule='* * * * *')\ndef f(): ...\n",
        "from motia import *\n",
    ],
)
def test_plain_python_counts_if_it_imports_authoring_names(tmp_path: Path, text: str) -> None:
    (tmp_path / "motia/steps").mkdir(parents=True)
    (tmp_path / "motia/steps/analyze.py").write_bytes(text.encode())
    assert found(tmp_path) == {"motia/steps/analyze.py": ("python", "plain")}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "from motia import logger\n",
        "import motia\n",
        "# from motia import event\n",
        "from motia_extra import event\n",
        "from mine import event  # not motia\n",
    ],
)
def test_plain_python_without_authoring_names_is_left_alone(tmp_path: Path, text: str) -> None:
    write(tmp_path, "src/service.py", text)
    assert found(tmp_path) == {}


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("import { api } from '@motia/core';\n", True),
        ('import {\n  event,\n  logger,\n} from "motia"\n', True),
        ("import { cron as every } from '@motiadev/core'\n", True),
        ("import * as motia from '@iii-dev/motia'\n", True),
        ("const { api } = require('motia')\n", True),
        ("import { logger } from 'motia'\n", False),
        ("import type { api } from 'motia'\n", False),
        ("import { api } from './motia'\n", False),
        ("import { z } from 'zod'\nimport { logger } from 'motia'\nexport const api = 1\n", False),
        ("// updated\nexport default api({ id: 'a' }, async () => ({ by: 'api' }))\n", True),
        ("import { api } from './client'\nexport default api({ id: 'a' })\n", False),
    ],
)
def test_plain_scripts(tmp_path: Path, text: str, counts: bool) -> None:
    write(tmp_path, "motia/steps/create-user.ts", text)
    assert bool(found(tmp_path)) is counts


def test_tests_are_told_from_steps_about_tests(tmp_path: Path) -> None:
    write(tmp_path, "steps/test_state_step.py", "config = {'type': 'api'}\n")
    write(tmp_path, "steps/test_order_step.py", "import pytest\n\ndef test_order(): ...\n")
    write(tmp_path, "steps/test_order.py", "from motia import event\n")
    write(tmp_path, "steps/order_test.py", "from motia import event\n")
    write(tmp_path, "steps/conftest.py", "from motia import event\n")
    assert list(found(tmp_path)) == ["steps/test_state_step.py"]


def test_symbolic_links_that_go_in_circles_end(tmp_path: Path) -> None:
    write(tmp_path, "steps/a/one_step.py")
    (tmp_path / "steps/a/again").symlink_to(tmp_path / "steps", target_is_directory=True)
    assert list(found(tmp_path)) == ["steps/a/one_step.py"]


def test_the_lifespan_file_is_reported(tmp_path: Path) -> None:
    assert find_files(tmp_path).app_file is None
    write(tmp_path, "app.py")
    assert find_files(tmp_path).app_file == tmp_path.resolve() / "app.py"


def test_a_script_config_counts_if_it_says_who_follows_streams(tmp_path: Path) -> None:
    write(tmp_path, "motia.config.js", "module.exports = { port: 4000 }")
    assert find_files(tmp_path).candidates == ()
    write(tmp_path, "motia.config.ts", "export const authenticateStream = () => null")
    write(tmp_path, "motia.config.mjs", "export const authenticateStream = () => null")
    (found,) = find_files(tmp_path).candidates
    assert (found.relative, found.language, found.kind) == ("motia.config.ts", "typescript", "config")
