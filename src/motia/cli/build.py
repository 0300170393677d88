"""`motia build`"""

from __future__ import annotations

import subprocess
from pathlib import Path

import typer

from motia.cli.options import HERE, ProjectDir
from motia.cli.output import EXIT_FAILED, note, print_error, print_line
from motia.cli.package_manager import package_manager_of
from motia.cli.project import discover, load_project
from motia.core.wording import counted


def build(directory: ProjectDir = HERE) -> None:
    """Load every step, write the types, check TypeScript. Nothing is compiled: `start` runs the sources."""
    settings = load_project(directory, mode="production").settings
    discovered = discover(settings)
    from motia.typegen.files import has_scripts, write_types

    for problem in discovered.problems:
        print_error(problem)
    if has_scripts(discovered.registry):
        for path in write_types(discovered.registry, settings.project_dir):
            print_line(f"written: {path.name}")
    checked = _check_types(settings.project_dir)
    print_line(f"{counted(len(discovered.registry.steps), 'step')}, {len(discovered.problems)} broken")
    if discovered.problems or not checked:
        raise typer.Exit(EXIT_FAILED)


def _check_types(project_dir: Path) -> bool:
    """Whether the project's TypeScript is right; true where there is nothing to check with."""
    if not (project_dir / "tsconfig.json").is_file():
        return True
    compiler = project_dir / "node_modules" / ".bin" / "tsc"
    if not compiler.exists():
        add = package_manager_of(project_dir).add_for_development
        note(f"types are not checked: `{add} typescript`")
        return True
    ended = subprocess.run([compiler, "--noEmit", "-p", "."], cwd=project_dir, check=False)
    print_line("types: right" if ended.returncode == 0 else "types: wrong")
    return ended.returncode == 0
