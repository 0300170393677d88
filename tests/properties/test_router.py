"""The router and the query parser against naive references."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote

from hypothesis import given, settings
from hypothesis import strategies as st

from motia.errors import InputError
from motia.http.query import parse_query
from motia.http.router import Match, MethodNotAllowed, Route, Router

METHODS = ["GET", "POST", "HEAD"]
words = st.sampled_from(["a", "b", "c", ""])
segments = st.one_of(words, st.just(":p"))
patterns = st.builds(
    lambda parts, rest: (
        "/" + "/".join([*(f"{p}{i}" if p == ":p" else p for i, p in enumerate(parts)), *rest])
    ),
    st.lists(segments, min_size=1, max_size=4),
    st.sampled_from([[], ["*rest"]]),
)
tables = st.lists(
    st.tuples(st.sampled_from(METHODS), patterns),
    max_size=12,
    unique_by=lambda route: (route[0], shape(route[1])),
)
paths = st.lists(words, min_size=1, max_size=5).map(lambda parts: "/" + "/".join(parts))


def shape(pattern: str) -> str:
    return "/".join(part[:1] if part[:1] in (":", "*") else part for part in pattern.split("/"))


def naive(pattern: str, path: str) -> tuple[list[int], dict[str, str]] | None:
    """Rank (static 0, parameter 1, wildcard 2 at each segment) and values, if the pattern fits."""
    wanted, given_parts = pattern[1:].split("/"), path[1:].split("/")
    rank: list[int] = []
    values: dict[str, str] = {}
    for index, part in enumerate(wanted):
        if part.startswith("*"):
            if index >= len(given_parts):
                return None
            return [*rank, 2], {**values, part[1:]: "/".join(given_parts[index:])}
        if index >= len(given_parts):
            return None
        if part.startswith(":"):
            if given_parts[index] == "":
                return None
            values[part[1:]] = given_parts[index]
            rank.append(1)
        elif part == given_parts[index]:
            rank.append(0)
        else:
            return None
    return (rank, values) if len(wanted) == len(given_parts) else None


def best(table: list[tuple[str, str]], method: str, path: str) -> tuple[str, dict[str, str]] | None:
    fits = [
        (found[0], pattern, found[1])
        for own, pattern in table
        if own == method and (found := naive(pattern, path))
    ]
    return min(fits, key=lambda fit: fit[0])[1:] if fits else None


@settings(deadline=None)
@given(tables, st.sampled_from([*METHODS, "OPTIONS", "PUT"]), paths)
def test_router_finds_what_a_scan_of_all_routes_finds(
    table: list[tuple[str, str]], method: str, path: str
) -> None:
    router = Router.build(Route(own, pattern, pattern) for own, pattern in table)
    expected = best(table, method, path)
    if expected is None and method == "HEAD":
        expected = best(table, "GET", path)
    match = router.match(method, path)
    if expected is not None:
        assert isinstance(match, Match)
        assert (match.target, match.path_params) == expected
        return
    allowed = {own for own in METHODS if best(table, own, path)}
    if not allowed:
        assert match is None
        return
    assert isinstance(match, MethodNotAllowed)
    assert set(match.allowed) == allowed | {"OPTIONS"} | ({"HEAD"} if "GET" in allowed else set())


@settings(deadline=None)
@given(st.text(min_size=1))
def test_any_text_comes_through_a_parameter(value: str) -> None:
    router = Router.build([Route("GET", "/x/:value", 1)])
    try:
        match = router.match("GET", "/x/" + quote(value, safe="", errors="replace"))
    except InputError:
        assert "\0" in value or any(part in (".", "..") for part in value.split("/"))
        return
    assert isinstance(match, Match)
    assert match.path_params == {"value": value.encode("utf-8", "replace").decode()}


@settings(deadline=None)
@given(st.text())
def test_any_path_is_matched_or_refused(path: str) -> None:
    router = Router.build([Route("GET", "/:a", 1), Route("GET", "/*b", 2)])
    try:
        match = router.match("GET", path)
    except InputError:
        assert "%" in path or "/." in path
        return
    assert (match is None) == (not path.startswith("/"))


@settings(deadline=None)
@given(
    st.binary()
    | st.lists(st.sampled_from([b"a", b"b", b"=", b"&", b"+", b"%", b"%41", b"%e4"])).map(b"".join)
)
def test_query_means_what_the_standard_library_says(query: bytes) -> None:
    expected: dict[str, str | list[str]] = {}
    for name, value in parse_qsl(query.decode("utf-8", "replace"), keep_blank_values=True):
        known = expected.get(name)
        if known is None:
            expected[name] = value
        else:
            expected[name] = [*known, value] if isinstance(known, list) else [known, value]
    assert parse_query(query) == expected
