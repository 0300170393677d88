"""The JavaScript client by itself: its own tests, and the types of what its documentation shows."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from prerequisites import installed_packages, node_path

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "clients" / "js"
PAGES = [ROOT / "docs" / "how-to" / "follow-streams-from-javascript.md", CLIENT / "README.md"]
SCRIPTS = [
    ROOT / "docs" / "how-to" / name
    for name in ("follow-streams-from-javascript.md", "stream-model-answers.md")
]
_SNIPPET = re.compile(r"^```(tsx?|js)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_javascript_client_passes_its_own_tests() -> None:
    npm = shutil.which("npm")
    assert npm is not None
    _run(npm, "test", "--prefix", installed_packages(CLIENT))


@pytest.mark.parametrize("page", [pytest.param(page, id=page.name) for page in PAGES])
def test_what_is_documented_fits_the_types(page: Path, tmp_path: Path) -> None:
    packages = installed_packages(CLIENT) / "node_modules"
    snippets = [found for found in _SNIPPET.findall(page.read_text("utf-8")) if found[0] != "js"]
    assert snippets
    for number, (language, text) in enumerate(snippets):
        (tmp_path / f"snippet{number}.{language}").write_text(text)
    options = {
        "extends": str(CLIENT / "tsconfig.json"),
        "compilerOptions": {
            "rootDir": "/",
            "noEmit": True,
            "noUnusedLocals": False,
            "module": "ESNext",
            "moduleResolution": "Bundler",
            "jsx": "react-jsx",
            "typeRoots": [str(packages / "@types")],
            "paths": {
                "@motia-steps/client": [str(CLIENT / "dist" / "index.d.ts")],
                "@motia-steps/client/react": [str(CLIENT / "dist" / "react.d.ts")],
                "react": [str(packages / "@types" / "react")],
                "react/jsx-runtime": [str(packages / "@types" / "react" / "jsx-runtime.d.ts")],
                "ws": [str(packages / "@types" / "ws")],
            },
        },
        "include": [str(tmp_path)],
    }
    (tmp_path / "tsconfig.json").write_text(json.dumps(options))
    _run(packages / ".bin" / "tsc", "-p", tmp_path)


@pytest.mark.parametrize("page", [pytest.param(page, id=page.name) for page in SCRIPTS])
def test_scripts_of_the_documents_parse(page: Path, tmp_path: Path) -> None:
    scripts = [text for language, text in _SNIPPET.findall(page.read_text("utf-8")) if language == "js"]
    assert scripts
    for number, text in enumerate(scripts):
        script = tmp_path / f"script{number}.mjs"
        script.write_text(text)
        _run(node_path(), "--check", script)


def _run(*command: str | Path) -> None:
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
