"""`motia adopt`"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from motia.cli.npm_package import DEPENDENCY, FOLDER, write_npm_package
from motia.cli.options import HERE, AsJson, ProjectDir
from motia.cli.output import note, print_error, print_json, print_line
from motia.cli.package_manager import package_manager_of
from motia.cli.project import discover, load_project
from motia.core.wording import counted
from motia.errors import SettingsError

_SCRIPTS = {"dev": "motia dev", "build": "motia build", "start": "motia start"}
_REPLACED = ("@motiadev/core", "@motiadev/workbench", "@motia/core", "@iii-dev/motia", "iii-sdk")
_WITHOUT_EFFECT = ("@motiadev/plugin-", "@motiadev/adapter-")
"""Parts of the old console and engine: what imports them gets something that does nothing."""
_OLD_COMMANDS = ("motia", "iii")
_IGNORED = (".motia/", ".venv/")


def adopt(
    directory: ProjectDir = HERE,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be done.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take over a project of Motia 0.x or 1.x, and list what will not work here. Safe to run again."""
    root = directory.resolve()
    manifest = _manifest(root)
    changes = _adopted(manifest)
    if not dry_run:
        (root / "package.json").write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", "utf-8")
        write_npm_package(root)
        changes.append(f"{FOLDER}: written")
        changes += _ignore(root / ".gitignore")
    lacking = list(_leftovers(root))
    discovered = None
    if (root / "node_modules").is_dir():
        # Loading is the best test of what works, once the packages that steps import are there.
        loaded = load_project(directory)
        lacking += loaded.notices
        discovered = discover(loaded.settings)
        if not dry_run:
            from motia.typegen.files import write_types

            changes += [f"{path.name}: written" for path in write_types(discovered.registry, root)]
    problems = discovered.problems if discovered is not None else ()
    if as_json:
        print_json({"changes": changes, "lacking": lacking, "problems": [str(one) for one in problems]})
        return
    for change in changes:
        print_line(change)
    for what in lacking:
        note(what)
    for problem in problems:
        print_error(problem)
    if discovered is not None:
        print_line(f"\n{counted(len(discovered.registry.steps), 'step')}, {len(problems)} broken")
    npm = package_manager_of(root)
    types = f"{npm.execute} motia generate types"
    print_line(f"\nNext: {npm.install}, {types} (and what is broken), {npm.run} dev")


def _manifest(root: Path) -> dict[str, Any]:
    path = root / "package.json"
    if not path.is_file():
        raise SettingsError(
            f"adopt: expected a project with a package.json, got none in {root}",
            code="adopt.no_package",
            hint="a project of Python steps alone needs no adopting: run `motia dev` in it",
        )
    try:
        manifest = json.loads(path.read_text("utf-8-sig"))
    except ValueError as error:
        raise SettingsError(f"package.json: expected JSON, got {error}", code="settings.malformed") from error
    if not isinstance(manifest, dict):
        raise SettingsError("package.json: expected an object, got something else", code="settings.malformed")
    return manifest


def _adopted(manifest: dict[str, Any]) -> list[str]:
    """Change the manifest in place; what was changed, a line each."""
    changes = []
    dependencies: dict[str, Any] = manifest.setdefault("dependencies", {})
    if dependencies.get("motia") != DEPENDENCY:
        changes.append(f"package.json: motia {dependencies.get('motia', 'none')} → {DEPENDENCY}")
        dependencies["motia"] = DEPENDENCY
    for section in ("dependencies", "devDependencies"):
        for name in [name for name in manifest.get(section, {}) if name in _REPLACED]:
            changes.append(f"package.json: {name} removed, its names come from motia")
            del manifest[section][name]
        for name in [name for name in manifest.get(section, {}) if name.startswith(_WITHOUT_EFFECT)]:
            changes.append(f"package.json: {name} removed, it has no effect here")
            del manifest[section][name]
    if manifest.get("devDependencies", {}).pop("motia", None) is not None:
        changes.append("package.json: motia is no devDependency any more")
    scripts: dict[str, Any] = manifest.setdefault("scripts", {})
    for name, command in _SCRIPTS.items():
        if scripts.get(name) != command and _is_old(scripts.get(name)):
            changes.append(f"package.json: script {name}: {scripts.get(name, 'none')} → {command}")
            scripts[name] = command
    for name in [name for name, text in scripts.items() if str(text).startswith("motia install")]:
        changes.append(f"package.json: script {name} removed: {scripts[name]}")
        del scripts[name]
    return changes


def _is_old(script: Any) -> bool:
    return script is None or str(script).split()[:1] in ([name] for name in _OLD_COMMANDS)


def _ignore(path: Path) -> list[str]:
    text = path.read_text("utf-8") if path.is_file() else ""
    missing = [
        line for line in _IGNORED if line.rstrip("/") not in {one.strip().rstrip("/") for one in text.split()}
    ]
    if not missing:
        return []
    path.write_text(f"{text.rstrip()}\n{chr(10).join(missing)}\n".lstrip(), "utf-8")
    return [f".gitignore: {', '.join(missing)}"]


def _leftovers(root: Path) -> Iterator[str]:
    """What belongs to the earlier framework alone."""
    nodes = sum(1 for place in ("steps", "src") for _ in (root / place).rglob("*.step.tsx"))
    if nodes:
        yield f"{nodes} *.step.tsx files draw nodes of the old console; they have no effect here"
    known: Mapping[str, str] = {
        "python_modules": "packages of Python steps are those of the environment that motia-steps is in",
        "motia-workbench.json": "the flow view lays itself out",
        "config.yaml": "the settings of the iii engine are not read: see `motia config show`",
    }
    for name, instead in known.items():
        if (root / name).exists():
            yield f"{name}: no effect here: {instead}"
