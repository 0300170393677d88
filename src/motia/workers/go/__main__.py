"""Builds the project's Go steps into one program and becomes it: `python -m motia.workers.go`.

Each step file becomes a package of its own. The program is cached by the content of all of them. Files that
do not compile are left out; the program tells of them when it is asked to load them.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from motia.discovery.finder import find_files

_PACKAGE = Path(__file__).parent / "motia"
_PACKAGE_CLAUSE = re.compile(r"^package[ \t]+\w+", re.MULTILINE)
_MODULE = re.compile(r"^module[ \t]+(\S+)", re.MULTILINE)
_PROBLEM = re.compile(r"^(?P<path>[^\s:]+\.go):(?P<line>\d+):(?:\d+:)? (?P<message>.*)$", re.MULTILINE)
_KEPT_PROGRAMS = 5


def main() -> None:
    """Build, then run the program in place of this process."""
    project = Path.cwd().resolve()
    files = [
        candidate.relative
        for candidate in find_files(project).candidates
        if candidate.language == "go" and candidate.kind != "plain"
    ]
    cache = project / ".motia" / "go"
    program = cache / _digest(project, files) / "worker"
    if not program.exists():
        _build(project, files, program.parent)
        _forget_old(cache)
    os.execv(program, [str(program)])


def _digest(project: Path, files: list[str]) -> str:
    digest = hashlib.sha256(str(project).encode())
    # Packages of the project's own module may be imported by a step.
    sources = [*files, *_own_packages(project)]
    sources += [name for name in ("go.mod", "go.sum") if (project / name).exists()]
    for name in dict.fromkeys(sources):
        digest.update(name.encode() + b"\0" + (project / name).read_bytes())
    for path in sorted(_PACKAGE.iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:32]


def _own_packages(project: Path) -> list[str]:
    if not (project / "go.mod").exists():
        return []
    found = (path.relative_to(project) for path in sorted(project.rglob("*.go")))
    return [str(path) for path in found if not any(part.startswith(".") for part in path.parts)]


def _build(project: Path, files: list[str], target: Path) -> None:
    """Compile in `target`, without the files that do not compile. Failure: exits with what Go says."""
    work = target.with_name(f"{target.name}.{os.getpid()}")
    shutil.rmtree(work, ignore_errors=True)
    # It may be the first to make the folder of the project's data, which is for its owner alone.
    for folder in reversed((work, *work.parents)):
        if not folder.exists():
            folder.mkdir(mode=0o700)
    problems: dict[str, dict[str, object]] = {}
    while True:
        good = [file for file in files if file not in problems]
        _write(project, good, list(problems.values()), work)
        done = subprocess.run(
            ["go", "build", "-mod=mod", "-o", "worker", "."],
            cwd=work,
            env={**os.environ, "GOFLAGS": "", "GOWORK": "off"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            break
        found = _problems_of(done.stderr, project, good)
        if not found:
            sys.stderr.write(done.stderr)
            sys.exit(1)
        problems.update(found)
    shutil.rmtree(target, ignore_errors=True)
    work.rename(target)


def _write(project: Path, files: list[str], problems: list[dict[str, object]], work: Path) -> None:
    shutil.rmtree(work / "steps", ignore_errors=True)
    imports = []
    for index, file in enumerate(files):
        folder = work / "steps" / f"step{index}"
        folder.mkdir(parents=True)
        text = _PACKAGE_CLAUSE.sub(f"package step{index}", (project / file).read_text("utf-8"), count=1)
        (folder / "step.go").write_text(f"//line {project / file}:1\n{text}", "utf-8")
        imports.append(f'\t_ "motiasteps/steps/step{index}"\n')
    told = json.dumps(json.dumps(problems))
    (work / "main.go").write_text(
        'package main\n\nimport (\n\t"motia"\n' + "".join(imports) + ")\n\n"
        f"func main() {{\n\tmotia.Serve({json.dumps(str(project))}, {told})\n}}\n",
        "utf-8",
    )
    (work / "go.mod").write_text(_module_file(project), "utf-8")
    if (project / "go.sum").exists():
        shutil.copy(project / "go.sum", work / "go.sum")


def _module_file(project: Path) -> str:
    """The module of the program: our package, and the project's own module where it has one."""
    text = f"module motiasteps\n\ngo 1.22\n\nrequire motia v0.0.0\n\nreplace motia => {_PACKAGE}\n"
    own = project / "go.mod"
    if own.exists():
        found = _MODULE.search(own.read_text("utf-8"))
        if found is not None:
            name = found[1]
            text += f"\nrequire {name} v0.0.0\n\nreplace {name} => {project}\n"
    return text


def _problems_of(said: str, project: Path, files: list[str]) -> dict[str, dict[str, object]]:
    """What the compiler says of step files: the first problem of each."""
    problems: dict[str, dict[str, object]] = {}
    for match in _PROBLEM.finditer(said):
        path = os.path.normpath(os.path.join(project / ".motia" / "go" / "x", match["path"]))
        file = next((one for one in files if path.endswith(f"/{one}")), None)
        if file is not None and file not in problems:
            problems[file] = {"path": file, "line": int(match["line"]), "message": match["message"]}
    return problems


def _forget_old(cache: Path) -> None:
    programs = sorted(cache.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in programs[_KEPT_PROGRAMS:]:
        shutil.rmtree(path, ignore_errors=True)


if __name__ == "__main__":
    main()
