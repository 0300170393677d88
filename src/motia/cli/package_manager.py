"""Which program installs the npm packages of a project, and how its commands are spelt."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class PackageManager:
    """`run` begins the command of a script, `execute` that of an installed program."""

    name: str
    run: str
    execute: str
    add_for_development: str

    @property
    def install(self) -> str:
        return f"{self.name} install"


_NPM = PackageManager("npm", "npm run", "npx", "npm install --save-dev")
_KNOWN = {
    "npm": _NPM,
    "pnpm": PackageManager("pnpm", "pnpm run", "pnpm exec", "pnpm add --save-dev"),
    "yarn": PackageManager("yarn", "yarn run", "yarn run", "yarn add --dev"),
    "bun": PackageManager("bun", "bun run", "bunx", "bun add --dev"),
}
_LEFT_BY = {
    "pnpm-lock.yaml": "pnpm",
    "pnpm-workspace.yaml": "pnpm",
    "yarn.lock": "yarn",
    "bun.lock": "bun",
    "bun.lockb": "bun",
    "package-lock.json": "npm",
}


def package_manager_of(project_dir: Path) -> PackageManager:
    """What the manifest names, or has left its files in the project or a workspace around it; else npm."""
    for folder in (project_dir, *project_dir.parents):
        named = _named_by(folder / "package.json")
        found = named or next((who for file, who in _LEFT_BY.items() if (folder / file).is_file()), None)
        if found is not None:
            return _KNOWN[found]
        if (folder / ".git").exists():
            break
    return _NPM


def _named_by(manifest: Path) -> str | None:
    try:
        name = str(json.loads(manifest.read_text("utf-8-sig"))["packageManager"]).partition("@")[0]
    except (OSError, ValueError, KeyError, TypeError):
        return None  # whoever needs the manifest says what is wrong with it
    return name if name in _KNOWN else None
