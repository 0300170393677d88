"""Importing a project's Python files by path, under names that relative and absolute imports agree on."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import ModuleType

_IMPORT_ROOTS = ("src", "steps")
_HASH_CHECKED = (0b11).to_bytes(4, "little")
_PYC_HEADER_BYTES = 16


class ProjectModules:
    """The modules of one project in this process.

    A file gets its natural dotted name where it has one, so that an `import` of the same file by another
    step finds the same module and the same module state. Files whose name or folder cannot be imported
    (`01-create.step.py`, `v1.2/`, the project's own `motia/`) get a private name, with a package parent, so
    that `from .services import x` works in them too.

    *Concurrency*: one thread. *Failure*: `load` lets through what the file raises.
    """

    def __init__(self, project_dir: Path) -> None:
        self.root = project_dir.resolve()
        self._private_root = f"_motia_project_{importlib.util.source_hash(bytes(self.root)).hex()}"
        self._added_paths: list[str] = []
        self._packages: dict[Path, str] = {}
        self._before = frozenset(sys.modules)

    def load(self, path: Path) -> ModuleType:
        """The module of a file, executed now unless another file imported it before."""
        package = self._packages.get(path.parent)
        if package is None:
            self._make_importable(path)
            package = self._packages[path.parent] = self._package_of(path.parent)
        # A dot would split the name; no file that can be imported has an @ in its name.
        name = f"{package}.{path.stem.replace('.', '@')}" if package else path.stem.replace(".", "@")
        known = sys.modules.get(name)
        if known is not None and _same_file(known, path):
            return known
        if known is not None:
            name = f"{name}@step"
        module = _execute(name, path)
        if package:
            setattr(sys.modules[package], name.rpartition(".")[2], module)
        return module

    def close(self) -> None:
        """Forget the project: its paths and all modules that came from its files. Safe twice."""
        later = {name: module for name, module in sys.modules.items() if name not in self._before}
        # Looked for while all paths and parents are there: a namespace package asks them for its places.
        ours = [name for name, module in later.items() if self._is_ours(name, module)]
        for path in self._added_paths:
            if path in sys.path:
                sys.path.remove(path)
        self._added_paths.clear()
        for name in ours:
            del sys.modules[name]
        importlib.invalidate_caches()

    def _is_ours(self, name: str, module: ModuleType) -> bool:
        if name.partition(".")[0] == "motia":
            return False
        # Not getattr: some modules import others when asked for an attribute.
        attributes = getattr(module, "__dict__", {})
        file = attributes.get("__file__")
        places = [file] if file else list(attributes.get("__path__", ()))
        return any(Path(place).is_relative_to(self.root) and not _is_installed(place) for place in places)

    def _make_importable(self, path: Path) -> None:
        """Append, never prepend: nothing of a project may shadow the standard library or this package."""
        roots = [self.root]
        for parent in path.parents:
            if parent == self.root or not parent.is_relative_to(self.root):
                break
            if parent.name in _IMPORT_ROOTS:
                roots.append(parent)
                break
        for root in map(str, roots):
            if root not in sys.path:
                sys.path.append(root)
                self._added_paths.append(root)

    def _package_of(self, directory: Path) -> str:
        if not directory.is_relative_to(self.root):
            return self._private_package(directory, (directory.name,))
        parts = directory.relative_to(self.root).parts
        if not parts:
            return ""
        if not any("." in part for part in parts) and self._imports_from_here(parts[0]):
            return importlib.import_module(".".join(parts)).__name__
        return self._private_package(directory, parts)

    def _imports_from_here(self, top: str) -> bool:
        """True if `import top` finds the project's folder, and not an installed package of that name."""
        try:
            spec = importlib.util.find_spec(top)
        except (ImportError, ValueError):
            return False
        places = spec.submodule_search_locations if spec is not None else None
        here = (self.root / top).resolve()
        return places is not None and any(Path(place).resolve() == here for place in places)

    def _private_package(self, directory: Path, parts: tuple[str, ...]) -> str:
        name = self._private_root
        folder = self.root
        self._register(name, folder)
        for part in parts[:-1]:
            folder = folder / part
            name = f"{name}.{part.replace('.', '@')}"
            self._register(name, folder)
        name = f"{name}.{parts[-1].replace('.', '@')}"
        self._register(name, directory)
        return name

    def _register(self, name: str, folder: Path) -> None:
        if name in sys.modules:
            return
        init = folder / "__init__.py"
        if folder != self.root and init.is_file():
            spec = importlib.util.spec_from_file_location(
                name, init, submodule_search_locations=[str(folder)]
            )
            if spec is not None and spec.loader is not None:
                module = importlib.util.module_from_spec(spec)
                sys.modules[name] = module
                try:
                    spec.loader.exec_module(module)
                except BaseException:
                    del sys.modules[name]
                    raise
                return
        package = ModuleType(name)
        package.__spec__ = ModuleSpec(name, None, is_package=True)
        package.__path__ = [str(folder)]
        sys.modules[name] = package


class _StepLoader(SourceFileLoader):
    """Keeps byte code beside a file under the hash of its text.

    The usual time stamps have whole seconds: a file saved twice in one second would be run as it was first.
    """

    _source = b""

    def get_data(self, path: str) -> bytes:
        data = super().get_data(path)
        if path == self.path:
            self._source = data
        return data

    # The stubs call the last parameter otherwise than the import system does.
    def set_data(self, path: str, data: bytes, *, _mode: int = 0o666) -> None:  # type: ignore[override]
        if data[4:8] == bytes(4):
            digest = importlib.util.source_hash(self._source)
            data = data[:4] + _HASH_CHECKED + digest + data[_PYC_HEADER_BYTES:]
        super().set_data(path, data, _mode=_mode)


def _execute(name: str, path: Path) -> ModuleType:
    loader = _StepLoader(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    assert spec is not None  # a loader was given
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def _same_file(module: ModuleType, path: Path) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and Path(file).resolve() == path


def _is_installed(place: str) -> bool:
    """A virtual environment may live inside the project: its modules are not the project's."""
    return "site-packages" in Path(place).parts
