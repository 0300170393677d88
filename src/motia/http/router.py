"""From a method and a raw path to what serves it: an exact look-up, then a trie of path segments.

Patterns: `/users/:id` binds one non-empty segment, a last `*rest` binds whatever is left. At each segment a
static name wins over a parameter and a parameter over a wildcard; where a branch ends nowhere the next best
one is tried. Cost does not grow with the number of routes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import unquote_to_bytes

from motia.errors import InputError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Route(Generic[T]):
    """A pattern and what serves it."""

    method: str
    pattern: str
    target: T


@dataclass(slots=True)
class Match(Generic[T]):
    """What serves a request, and the decoded values of the pattern's parameters."""

    target: T
    path_params: dict[str, str]


@dataclass(frozen=True, slots=True)
class MethodNotAllowed:
    """The path exists under other methods: `allowed`, sorted, with what HEAD and OPTIONS add."""

    allowed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Leaf(Generic[T]):
    route: Route[T]
    target: T
    names: tuple[str, ...]


class _Node(Generic[T]):
    __slots__ = ("children", "leaf", "parameter", "rest")

    def __init__(self) -> None:
        self.children: dict[str, _Node[T]] = {}
        self.parameter: _Node[T] | None = None
        self.leaf: _Leaf[T] | None = None
        self.rest: _Leaf[T] | None = None


class Router(Generic[T]):
    """An immutable table of routes; safe to share between tasks and threads."""

    __slots__ = ("_roots", "_static")

    def __init__(self, roots: dict[str, _Node[T]], static: dict[tuple[str, str], _Leaf[T]]) -> None:
        self._roots = roots
        self._static = static

    @classmethod
    def build(cls, routes: Iterable[Route[T]]) -> Router[T]:
        """A router of these routes. Failure: `ValueError` for two routes of one shape, or a bad pattern."""
        roots: dict[str, _Node[T]] = {}
        static: dict[tuple[str, str], _Leaf[T]] = {}
        for route in routes:
            leaf = _add(roots.setdefault(route.method, _Node()), route)
            if not leaf.names:
                static[route.method, route.pattern] = leaf
        return cls(roots, static)

    def match(self, method: str, path: str) -> Match[T] | MethodNotAllowed | None:
        """What serves `method` on the raw path (still percent-encoded, without `?`); None = no such path.

        HEAD falls back to GET. OPTIONS without a route of its own gives `MethodNotAllowed`, whose list is the
        answer. Failure: `InputError` `path.malformed` for broken encoding, NUL, and `.` or `..` segments.
        """
        exact = self._static.get((method, path))
        if exact is not None:
            return Match(exact.target, {})
        if path[:1] != "/":
            return None
        segments = path[1:].split("/")
        if "%" in path or "/." in path:
            segments = _decoded(segments)
        root = self._roots.get(method)
        found = None if root is None else _walk(root, segments)
        if found is None and method == "HEAD":
            found = self._find("GET", segments)
        if found is not None:
            leaf, values = found
            return Match(leaf.target, dict(zip(leaf.names, values, strict=True)))
        allowed = {name for name in self._roots if self._find(name, segments) is not None}
        if not allowed:
            return None
        if "GET" in allowed:
            allowed.add("HEAD")
        return MethodNotAllowed(tuple(sorted({*allowed, "OPTIONS"})))

    def _find(self, method: str, segments: list[str]) -> tuple[_Leaf[T], list[str]] | None:
        root = self._roots.get(method)
        return None if root is None else _walk(root, segments)


def pattern_segments(pattern: str) -> list[tuple[str, str]]:
    """The segments of a pattern as (kind, text), kind one of `static` `parameter` `rest`."""
    if not pattern.startswith("/"):
        raise ValueError(f"{pattern}: expected a path that starts with '/'")
    segments: list[tuple[str, str]] = []
    parts = pattern[1:].split("/")
    for index, part in enumerate(parts):
        if part.startswith(":"):
            if len(part) == 1:
                raise ValueError(f"{pattern}: expected a name after ':'")
            segments.append(("parameter", part[1:]))
        elif part.startswith("*"):
            if index != len(parts) - 1:
                raise ValueError(f"{pattern}: expected '{part}' to be the last segment")
            segments.append(("rest", part[1:] or "*"))
        else:
            segments.append(("static", part))
    names = [text for kind, text in segments if kind != "static"]
    if len(set(names)) != len(names):
        raise ValueError(f"{pattern}: expected each parameter once")
    return segments


def _add(node: _Node[T], route: Route[T]) -> _Leaf[T]:
    segments = pattern_segments(route.pattern)
    leaf = _Leaf(route, route.target, tuple(text for kind, text in segments if kind != "static"))
    for kind, text in segments:
        if kind == "rest":
            if node.rest is not None:
                raise _duplicate(route, node.rest.route)
            node.rest = leaf
            return leaf
        if kind == "parameter":
            if node.parameter is None:
                node.parameter = _Node()
            node = node.parameter
        else:
            node = node.children.setdefault(text if "%" not in text else _decoded([text])[0], _Node())
    if node.leaf is not None:
        raise _duplicate(route, node.leaf.route)
    node.leaf = leaf
    return leaf


def _duplicate(route: Route[T], other: Route[T]) -> ValueError:
    return ValueError(
        f"{route.method} {route.pattern}: expected one route of this shape, got another: {other.pattern}"
    )


def _walk(node: _Node[T], segments: list[str]) -> tuple[_Leaf[T], list[str]] | None:
    # Every node has one way from the root, so that backtracking visits none of them twice.
    count = len(segments)
    values: list[str] = []
    pending: list[tuple[_Node[T], int, int, bool]] = []
    index = 0
    try_static = try_parameter = True
    while True:
        if index < count:
            segment = segments[index]
            child = node.children.get(segment) if try_static else None
            if child is not None:
                if node.parameter is not None or node.rest is not None:
                    pending.append((node, index, len(values), True))
                node = child
                index += 1
                continue
            if try_parameter and segment and node.parameter is not None:
                if node.rest is not None:
                    pending.append((node, index, len(values), False))
                values.append(segment)
                node = node.parameter
                index += 1
                try_static = True
                continue
            if node.rest is not None:
                values.append("/".join(segments[index:]))
                return node.rest, values
        elif node.leaf is not None:
            return node.leaf, values
        if not pending:
            return None
        node, index, kept, try_parameter = pending.pop()
        del values[kept:]
        try_static = False
        if try_parameter:
            continue
        # Only the wildcard of this node is left.
        values.append("/".join(segments[index:]))
        assert node.rest is not None
        return node.rest, values


def _decoded(segments: list[str]) -> list[str]:
    decoded: list[str] = []
    for raw in segments:
        segment = raw
        if "%" in raw:
            try:
                segment = unquote_to_bytes(raw).decode()
            except UnicodeDecodeError as error:
                raise _malformed("UTF-8 behind the percent signs") from error
        if "\0" in segment:
            raise _malformed("no NUL")
        # A parameter often ends up in a file name: a path that climbs is refused before anyone joins it.
        if segment.startswith(".") or "/" in segment:
            for part in segment.split("/"):
                if part in (".", ".."):
                    raise _malformed("no '.' or '..' segments")
        decoded.append(segment)
    return decoded


def _malformed(expected: str) -> InputError:
    return InputError(f"path: expected {expected}, got something else", code="path.malformed")
