"""Where settings come from, which place wins, and what is said about wrong ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from motia.errors import SettingsError
from motia.settings.database import locate_database
from motia.settings.load import Loaded, load_settings
from motia.settings.model import Mode
from motia.settings.node_program import find_node


def load(directory: Path, *, mode: Mode | None = "development", **keywords: Any) -> Loaded:
    environ: Mapping[str, str] = keywords.pop("environ", {})
    return load_settings(directory, mode=mode, environ=environ, **keywords)


def refused(directory: Path, **keywords: Any) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        load(directory, **keywords)
    return caught.value


def write(directory: Path, **files: str) -> None:
    for name, text in files.items():
        (directory / {"toml": "motia.toml", "env": ".env", "py": "motia.config.py"}[name]).write_text(text)


def test_an_empty_project_has_defaults_and_says_so(tmp_path: Path) -> None:
    loaded = load(tmp_path)
    assert (loaded.settings.port, loaded.settings.host) == (3001, "127.0.0.1")
    assert loaded.settings.project_dir == tmp_path
    assert set(loaded.origins.values()) == {"default"}
    assert loaded.notices == ()


def test_every_place_wins_over_the_one_before(tmp_path: Path) -> None:
    write(
        tmp_path,
        py="config = {'port': 1, 'nodes': 11, 'drain_s': 11}",
        toml="port = 2\nnodes = 12\n[queue]\nconcurrency = 12\n[development]\nport = 3\n"
        "[development.queue]\nthreads = 13\n[production]\nport = 99",
        env="PORT=4\nMOTIA_LIMITS__CONNECTIONS=14\n",
    )
    files_only = load(tmp_path)
    assert files_only.settings.port == 4
    assert files_only.origins["port"] == ".env PORT"
    with_environment = load(tmp_path, environ={"PORT": "5"})
    assert with_environment.settings.port == 5
    assert with_environment.origins["port"] == "environment PORT"
    assert with_environment.origins["queue.threads"] == "motia.toml [development]"
    assert with_environment.origins["queue.concurrency"] == "motia.toml"
    assert with_environment.origins["drain_s"] == "motia.config.py"
    assert with_environment.settings.nodes == 12
    assert with_environment.settings.limits.connections == 14
    with_flag = load(tmp_path, environ={"PORT": "5"}, flags={"port": 6, "workbench.port": 7, "host": None})
    assert (with_flag.settings.port, with_flag.settings.workbench.port) == (6, 7)
    assert with_flag.origins["workbench.port"] == "--workbench-port"
    assert with_flag.origins["host"] == "default"


def test_the_section_of_the_other_mode_is_not_applied_but_checked(tmp_path: Path) -> None:
    write(tmp_path, toml="[development]\nport = 4000\n")
    assert load(tmp_path, mode="production").settings.port == 3001
    write(tmp_path, toml="[development]\nprot = 4000\n")
    assert "'prot'" in refused(tmp_path, mode="production").message


def test_motia_names_win_over_common_names(tmp_path: Path) -> None:
    loaded = load(tmp_path, environ={"PORT": "5", "MOTIA_PORT": "6"})
    assert loaded.settings.port == 6
    assert loaded.origins["port"] == "environment MOTIA_PORT"


def test_node_env_decides_where_the_command_does_not(tmp_path: Path) -> None:
    assert load(tmp_path, mode=None).settings.mode == "development"
    assert load(tmp_path, mode=None, environ={"NODE_ENV": "production"}).settings.mode == "production"
    write(tmp_path, env="NODE_ENV=production")
    assert load(tmp_path, mode=None).settings.mode == "production"
    assert load(tmp_path, mode="development").settings.mode == "development"


def test_the_workbench_must_be_asked_for_in_production(tmp_path: Path) -> None:
    loaded = load(tmp_path, mode="production")
    assert not loaded.settings.workbench.enabled
    assert loaded.origins["workbench.enabled"] == "default of production"
    write(tmp_path, toml="[workbench]\nenabled = true")
    assert load(tmp_path, mode="production").settings.workbench.enabled


def test_dotenv_never_overrides_the_environment_and_is_handed_on(tmp_path: Path) -> None:
    write(tmp_path, env="A=file\nB=${A}-${OUTSIDE}\nexport C='x y' # note\nnot a line at all\nD=\n")
    loaded = load(tmp_path, environ={"A": "real", "OUTSIDE": "out"})
    assert loaded.dotenv == {"B": "real-out", "C": "x y", "D": ""}
    assert loaded.notices == (".env:4: expected NAME=value; the line is ignored",)


def test_dotenv_beside_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfPORT=4005\r\n")
    assert load(tmp_path).settings.port == 4005


def test_empty_variables_count_as_not_set(tmp_path: Path) -> None:
    loaded = load(tmp_path, environ={"PORT": "", "MOTIA_QUEUE__THREADS": "", "DATABASE_URL": ""})
    assert loaded.settings.port == 3001
    assert loaded.settings.queue.threads == 40


def test_lists_and_booleans_from_the_environment(tmp_path: Path) -> None:
    loaded = load(
        tmp_path,
        environ={"MOTIA_CORS__ORIGINS": "https://a.example, https://b.example", "MOTIA_STRICT": "true"},
    )
    assert loaded.settings.cors.origins == ("https://a.example", "https://b.example")
    assert loaded.settings.strict is True


@pytest.mark.parametrize(("given", "level"), [("INFO", "info"), ("warn", "warning"), ("Fatal", "error")])
def test_log_levels_in_the_spellings_people_use(tmp_path: Path, given: str, level: str) -> None:
    assert load(tmp_path, environ={"LOG_LEVEL": given}).settings.log.level == level


def test_unknown_names_are_all_reported_with_the_nearest_one(tmp_path: Path) -> None:
    write(tmp_path, toml="prot = 1\n[queue]\nconcurency = 2\n[colour]\nx = 1")
    error = refused(tmp_path, environ={"MOTIA_WORKBENCH_PORT": "1", "MOTIA_API_KEY": "k"})
    assert error.message.splitlines() == [
        "motia.toml: expected a known setting, got 'prot'",
        "motia.toml: expected a known setting, got 'queue.concurency'",
        "motia.toml: expected a known setting, got 'colour'",
        "environment MOTIA_WORKBENCH_PORT: expected the name of a setting, got none of that name",
    ]
    assert error.hint is not None
    assert "'port'" in error.hint
    assert "'queue.concurrency'" in error.hint
    assert "'MOTIA_WORKBENCH__PORT'" in error.hint


@pytest.mark.parametrize(
    ("toml", "hint"),
    [
        ("[queue]\nattempts = 3", "in the trigger of its step"),  # not `queue.threads`
        ("[limits]\nconcurrency = 3", "did you mean 'queue.concurrency'?"),
        ("redact = []", "did you mean 'tracing.redact'?"),
    ],
)
def test_a_name_in_the_wrong_table_is_hinted_at(tmp_path: Path, toml: str, hint: str) -> None:
    write(tmp_path, toml=toml)
    assert hint in (refused(tmp_path).hint or "")


def test_mode_and_project_are_not_settings(tmp_path: Path) -> None:
    write(tmp_path, toml="mode = 'production'")
    assert "'mode'" in refused(tmp_path).message


@pytest.mark.parametrize(
    ("toml", "line"),
    [
        ("port = 'many'", "motia.toml: port: expected a whole number, got 'many'"),
        ("port = 70000", "motia.toml: port: expected a number of 65535 or less, got 70000"),
        ("strict = 'perhaps'", "motia.toml: strict: expected true or false, got 'perhaps'"),
        ("queue = 3", "motia.toml: queue: expected a table of settings, got 3"),
        ("development = 3", "motia.toml: expected a known setting, got 'development'"),
        ("[cors]\norigins = 'x'", "motia.toml: cors.origins: expected a list, got 'x'"),
        ("[cors]\norigins = [1]", "motia.toml: cors.origins: expected a text, got 1"),
        ("[production.log]\nlevel = 'loud'", None),
        (
            "[development.log]\nlevel = 'loud'",
            "motia.toml [development]: log.level: "
            "expected one of 'debug', 'info', 'warning' or 'error', got 'loud'",
        ),
        (
            "timezone = 'Mars/North'",
            "motia.toml: timezone: expected a name such as Europe/Berlin, got 'Mars/North'",
        ),
    ],
)
def test_wrong_values_say_where_and_what_was_expected(tmp_path: Path, toml: str, line: str | None) -> None:
    write(tmp_path, toml=toml)
    if line is None:
        load(tmp_path)
    else:
        assert refused(tmp_path).message == line


def test_a_wrong_variable_is_named(tmp_path: Path) -> None:
    error = refused(tmp_path, environ={"MOTIA_QUEUE__CONCURRENCY": "lots", "PORT": "x"})
    assert error.message.splitlines() == [
        "environment PORT: port: expected a whole number, got 'x'",
        "environment MOTIA_QUEUE__CONCURRENCY: queue.concurrency: expected a whole number, got 'lots'",
    ]


def test_malformed_toml_names_the_file_and_line(tmp_path: Path) -> None:
    write(tmp_path, toml="port = \n")
    error = refused(tmp_path)
    assert error.code == "settings.malformed"
    assert error.message.startswith("motia.toml: ")
    assert "line 1" in error.message


def test_pyproject_is_read_and_yields_to_motia_toml(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        "[tool.motia]\nport = 4100\n[tool.motia.production]\nport = 4200\n"
    )
    assert load(tmp_path).settings.port == 4100
    assert load(tmp_path).origins["port"] == "pyproject.toml [tool.motia]"
    assert load(tmp_path, mode="production").settings.port == 4200
    write(tmp_path, toml="nodes = 2")
    loaded = load(tmp_path)
    assert (loaded.settings.port, loaded.settings.nodes) == (3001, 2)
    assert loaded.notices == ("pyproject.toml: [tool.motia] is ignored because motia.toml is there",)


def test_another_file_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "staging.toml").write_text("port = 4300")
    assert load(tmp_path, environ={"MOTIA_CONFIG": "staging.toml"}).settings.port == 4300
    assert refused(tmp_path, environ={"MOTIA_CONFIG": "missing.toml"}).code == "settings.no_file"


def test_a_missing_project_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path / "nowhere").code == "settings.no_project"


def test_python_config_with_modes_and_foreign_names(tmp_path: Path) -> None:
    write(
        tmp_path,
        py="import os\n"
        "development = {'port': 4400, 'database': {'url': 'sqlite://./dev.db'}}\n"
        "production = {'port': int(os.environ.get('NOWHERE', 8080)), 'redis': {'url': None}}\n",
    )
    development = load(tmp_path)
    assert development.settings.port == 4400
    assert development.origins["port"] == "motia.config.py [development]"
    production = load(tmp_path, mode="production")
    assert production.settings.port == 8080
    assert any("redis has no effect" in notice for notice in production.notices)


def test_a_python_config_that_fails_names_its_line(tmp_path: Path) -> None:
    write(tmp_path, py="x = 1\nraise ValueError('no')\n")
    assert refused(tmp_path).message.startswith("motia.config.py:2: ")
    write(tmp_path, py="x = 1\n\ndef (\n")
    assert refused(tmp_path).message.startswith("motia.config.py:3: ")
    write(tmp_path, py="x = 1\n")
    assert "found none" in load(tmp_path).notices[0]


needs_node = pytest.mark.skipif(find_node() is None, reason="missing: Node")
TUTORIAL = """
module.exports = {
  development: {
    port: 3001,
    workbench: { enabled: true, port: 3000 },
    database: { url: 'sqlite://./motia-dev.db' }
  },
  production: {
    port: process.env.PORT || 8080,
    workbench: { enabled: false },
    database: { url: process.env.DATABASE_URL },
    redis: { url: process.env.REDIS_URL }
  }
};
"""


@needs_node
def test_a_javascript_config_with_modes(tmp_path: Path) -> None:
    (tmp_path / "motia.config.js").write_text(TUTORIAL)
    development = load(tmp_path)
    assert development.settings.database.url == "sqlite://./motia-dev.db"
    assert development.notices == ()
    production = load(tmp_path, mode="production")
    assert (production.settings.port, production.settings.workbench.enabled) == (8080, False)
    assert production.settings.database.url == "sqlite"
    assert load(tmp_path, mode="production", environ={"NODE_ENV": "development"}).settings.port == 3001
    assert load(tmp_path, environ={"MOTIA_ENV": "production"}).settings.port == 8080


@needs_node
def test_a_typescript_config_of_another_framework(tmp_path: Path) -> None:
    (tmp_path / "motia.config.ts").write_text(
        "import { config } from '@motiadev/core'\n"
        "import type { Express } from 'express'\n"
        "const statesPlugin = require('@motiadev/plugin-states/plugin')\n"
        "console.log('printed')\n"
        "export const authenticateStream = async () => null\n"
        "export default config({ plugins: [statesPlugin], app: (app: Express) => {}, port: 4500 })\n"
    )
    loaded = load(tmp_path)
    assert loaded.settings.port == 4500
    named = {" ".join(notice.split(" ")[:2]) for notice in loaded.notices}
    assert named == {f"motia.config.ts: {key}" for key in ("plugins", "app")}
    # Who may follow streams is asked of the function alone; where it cannot be asked, nobody may.
    assert loaded.settings.streams.closed is True
    (tmp_path / "motia.toml").write_text("[streams]\nclosed = false\n")
    assert load(tmp_path).settings.streams.closed is False


@needs_node
def test_a_javascript_config_that_fails_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "motia.config.mjs").write_text("const a = 1\nthrow new Error('no port')\n")
    assert refused(tmp_path).message.startswith("motia.config.mjs:2: ")
    (tmp_path / "motia.config.mjs").write_text("export default {\n  a: 1\n  b: 2\n}\n")
    assert refused(tmp_path).message.startswith("motia.config.mjs:3: ")


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite", "{project}/.motia/motia.db"),
        ("sqlite:", "{project}/.motia/motia.db"),
        ("sqlite://./motia-dev.db", "{project}/./motia-dev.db"),
        ("sqlite:data/x.db", "{project}/data/x.db"),
        ("sqlite:///var/lib/x.db", "/var/lib/x.db"),
        ("sqlite:////var/lib/x.db", "/var/lib/x.db"),
        ("sqlite:/var/lib/x.db?mode=rw", "/var/lib/x.db"),
        ("memory", None),
        ("memory:", None),
        ("sqlite://:memory:", None),
    ],
)
def test_database_urls(tmp_path: Path, url: str, path: str | None) -> None:
    location = locate_database(load(tmp_path, environ={"DATABASE_URL": url}).settings)
    if path is None:
        assert (location.kind, location.path) == ("memory", None)
    else:
        assert location.kind == "sqlite"
        assert location.path == Path(path.format(project=tmp_path))


@pytest.mark.parametrize("scheme", ["postgres", "postgresql+asyncpg", "redis", "mysql", "mongodb"])
def test_servers_are_refused_without_showing_their_password(tmp_path: Path, scheme: str) -> None:
    error = refused(tmp_path, environ={"DATABASE_URL": f"{scheme}://me:s3cret@db/x"})
    assert error.message == (
        f"environment DATABASE_URL: database url: expected sqlite, sqlite:<file> or memory, got {scheme!r}"
    )
    assert error.hint is not None
    assert "not supported yet" in error.hint
    assert "s3cret" not in str(error)
    environ = {"DATABASE_URL": f"{scheme}://me:s3cret@db/x", "MOTIA_DATABASE__URL": "sqlite"}
    assert load(tmp_path, environ=environ).settings.database.url == "sqlite"


def test_a_path_without_scheme_is_not_a_url(tmp_path: Path) -> None:
    assert "without a scheme" in refused(tmp_path, environ={"DATABASE_URL": "./x.db"}).message


def test_redis_in_the_environment_is_noticed(tmp_path: Path) -> None:
    loaded = load(tmp_path, environ={"REDIS_URL": "redis://:pw@cache"})
    assert loaded.notices == (
        "environment REDIS_URL: Redis is not a backend yet; only handlers see the variable",
    )


@needs_node
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("exports.streamAuth = { authenticate: () => null }", ""),
        ("exports.streamAuth = { authenticate: 'no' }", "motia.config.js: streamAuth: expected a function"),
        (
            "exports.development = { streamAuth: { authenticate: () => null } }",
            "motia.config.js [development]: streamAuth: expected it to stand outside of sections",
        ),
    ],
)
def test_who_follows_streams_is_said_by_a_function(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "motia.config.js").write_text(text)
    loaded = load(tmp_path)
    assert loaded.settings.streams.closed is True
    assert [notice[: len(expected)] for notice in loaded.notices] == ([expected] if expected else [])
