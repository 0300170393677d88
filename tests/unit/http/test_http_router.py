from __future__ import annotations

import pytest

from motia.errors import InputError
from motia.http.router import Match, MethodNotAllowed, Route, Router


def router(*routes: str) -> Router[str]:
    return Router.build(Route(*route.split(" ", 1), target=route) for route in routes)


def found(table: Router[str], method: str, path: str) -> tuple[str, dict[str, str]]:
    match = table.match(method, path)
    assert isinstance(match, Match), match
    return match.target, match.path_params


def test_static_route_wins_over_parameter() -> None:
    table = router("GET /users/:id", "GET /users/me")
    assert found(table, "GET", "/users/me") == ("GET /users/me", {})
    assert found(table, "GET", "/users/7") == ("GET /users/:id", {"id": "7"})


def test_backtracks_where_the_static_branch_ends() -> None:
    table = router("GET /a/b/c", "GET /:x/b/d", "GET /*rest")
    assert found(table, "GET", "/a/b/d") == ("GET /:x/b/d", {"x": "a"})
    assert found(table, "GET", "/a/b/e") == ("GET /*rest", {"rest": "a/b/e"})


def test_parameter_wins_over_wildcard_and_wildcard_takes_what_is_left() -> None:
    table = router("GET /files/*path", "GET /files/:name")
    assert found(table, "GET", "/files/a.txt") == ("GET /files/:name", {"name": "a.txt"})
    assert found(table, "GET", "/files/a/b") == ("GET /files/*path", {"path": "a/b"})
    assert found(table, "GET", "/files/") == ("GET /files/*path", {"path": ""})
    assert table.match("GET", "/files") is None


def test_names_differ_between_routes_of_one_branch() -> None:
    table = router("GET /users/:id", "GET /users/:user/posts/:post")
    assert found(table, "GET", "/users/1/posts/2")[1] == {"user": "1", "post": "2"}
    assert found(table, "GET", "/users/1")[1] == {"id": "1"}


@pytest.mark.parametrize("path", ["/users/", "/users//", "//users", "/users/1/", "users/1", "", "*"])
def test_other_slashes_are_other_paths(path: str) -> None:
    assert router("GET /users/:id").match("GET", path) is None


def test_trailing_slash_and_root_are_routes_of_their_own() -> None:
    table = router("GET /", "GET /a/")
    assert found(table, "GET", "/") == ("GET /", {})
    assert found(table, "GET", "/a/") == ("GET /a/", {})
    assert table.match("GET", "/a") is None


def test_head_falls_to_get_but_prefers_its_own() -> None:
    assert found(router("GET /a"), "HEAD", "/a")[0] == "GET /a"
    assert found(router("GET /a", "HEAD /a"), "HEAD", "/a")[0] == "HEAD /a"


def test_other_methods_are_listed() -> None:
    table = router("GET /a", "POST /a", "PUT /:x")
    assert table.match("DELETE", "/a") == MethodNotAllowed(("GET", "HEAD", "OPTIONS", "POST", "PUT"))
    assert table.match("OPTIONS", "/a") == MethodNotAllowed(("GET", "HEAD", "OPTIONS", "POST", "PUT"))
    assert table.match("OPTIONS", "/a/b") is None


def test_a_method_that_the_static_route_lacks_falls_to_the_parameter() -> None:
    table = router("POST /workflows/start", "GET /workflows/:id")
    assert found(table, "GET", "/workflows/start")[1] == {"id": "start"}


def test_parameters_are_decoded_inside_their_segment() -> None:
    table = router("GET /files/:name")
    assert found(table, "GET", "/files/a%2Fb%20c")[1] == {"name": "a/b c"}
    assert found(table, "GET", "/files/%C3%A4")[1] == {"name": "ä"}
    assert found(table, "GET", "/files/100%")[1] == {"name": "100%"}


def test_static_segments_match_in_either_spelling() -> None:
    table = router("GET /café/x", "GET /caf%C3%A9/y")
    assert found(table, "GET", "/caf%C3%A9/x")[0] == "GET /café/x"
    assert found(table, "GET", "/café/y")[0] == "GET /caf%C3%A9/y"


@pytest.mark.parametrize(
    "path", ["/f/%ff", "/f/%c0%af", "/f/a%00b", "/f/..", "/f/%2e%2e", "/f/a%2f..%2fb", "/f/.", "/../f/a"]
)
def test_malformed_paths_are_the_callers_fault(path: str) -> None:
    with pytest.raises(InputError) as caught:
        router("GET /f/:x", "GET /f/*rest").match("GET", path)
    assert (caught.value.code, caught.value.http_status) == ("path.malformed", 400)


def test_dot_names_are_ordinary() -> None:
    assert found(router("GET /:a/:b"), "GET", "/.well-known/..x")[1] == {"a": ".well-known", "b": "..x"}


@pytest.mark.parametrize(
    "routes",
    [
        ("GET /a", "GET /a"),
        ("GET /:a", "GET /:b"),
        ("GET /x/*a", "GET /x/*b"),
        ("GET a",),
        ("GET /:",),
        ("GET /*a/b",),
        ("GET /:a/:a",),
    ],
)
def test_bad_tables_are_refused(routes: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="expected"):
        router(*routes)


def test_params_of_a_match_are_its_own() -> None:
    table = router("GET /a")
    found(table, "GET", "/a")[1]["x"] = "changed"
    assert found(table, "GET", "/a")[1] == {}
