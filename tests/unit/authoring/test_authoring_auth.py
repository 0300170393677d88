from __future__ import annotations

import asyncio
from typing import Any

import pytest

from motia.authoring.auth import Auth, api_key, bearer, custom
from motia.errors import AccessError, BackendError


class Request:
    def __init__(self, query: dict[str, Any] | None = None, **headers: str) -> None:
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.query_params = query or {}


class Context:
    """As much of a context as a check that fails needs."""

    def __init__(self) -> None:
        self.logged: list[str] = []

    @property
    def logger(self) -> Context:
        return self

    def exception(self, message: str) -> None:
        self.logged.append(message)


CONTEXT = Context()


def user_of(auth: Auth, request: Request) -> Any:
    async def run() -> Any:
        return await auth(request, CONTEXT)

    return asyncio.run(run())


def refused(auth: Auth, request: Request) -> AccessError:
    with pytest.raises(AccessError) as caught:
        user_of(auth, request)
    return caught.value


def broken(*given: Any) -> Any:
    raise RuntimeError("the directory is down")


async def directory(token: str) -> dict[str, str] | None:
    return {"name": "ada"} if token == "good" else None


def test_bearer_gives_the_user() -> None:
    auth = bearer(directory)
    assert user_of(auth, Request(authorization="Bearer good")) == {"name": "ada"}
    assert user_of(auth, Request(authorization="bearer  good ")) == {"name": "ada"}
    assert user_of(bearer(lambda token: token), Request(authorization="Bearer x")) == "x"
    assert auth.security == {"bearer": {"type": "http", "scheme": "bearer"}}
    assert bearer(directory, name="jwt", format="JWT").security["jwt"]["bearerFormat"] == "JWT"


@pytest.mark.parametrize(
    "headers",
    [{}, {"authorization": "Basic eA=="}, {"authorization": "Bearer "}, {"authorization": "Bearer bad"}],
)
def test_bearer_refuses(headers: dict[str, str]) -> None:
    error = refused(bearer(directory), Request(**headers))
    assert (error.code, error.http_status) == ("access.unauthenticated", 401)
    assert error.details["challenge"].startswith("Bearer")


@pytest.mark.parametrize(("answer", "status"), [(None, 401), (False, 403), (0, 401), ("", 401), ({}, 401)])
def test_every_answer_that_is_no_user_is_a_refusal(answer: Any, status: int) -> None:
    request = Request(authorization="Bearer x", x_api_key="x")
    for auth in (
        bearer(lambda token: answer),
        api_key(lambda key: answer),
        custom(lambda req, ctx: answer, {}),
    ):
        assert refused(auth, request).http_status == status


def test_a_failing_check_fails_closed_and_keeps_its_cause() -> None:
    request = Request(authorization="Bearer x", x_api_key="x")
    for auth in (bearer(broken), api_key(broken), custom(broken, {})):
        error = refused(auth, request)
        assert error.http_status == 403
        assert isinstance(error.__cause__, RuntimeError)
        assert "directory" not in error.message


def test_stated_errors_of_a_check_pass() -> None:
    def down(token: str) -> Any:
        raise BackendError("down", code="backend.down")

    with pytest.raises(BackendError):
        user_of(bearer(down), Request(authorization="Bearer x"))


def test_api_key_in_header_or_query() -> None:
    assert user_of(api_key("s3"), Request(x_api_key="s3")) is True
    assert refused(api_key("s3"), Request(x_api_key="s4")).http_status == 401
    assert refused(api_key("s3"), Request(x_api_key="ключ")).http_status == 401
    assert refused(api_key("s3"), Request()).http_status == 401
    by_query = api_key(lambda key: {"key": key}, query="k")
    assert user_of(by_query, Request(query={"k": "v"})) == {"key": "v"}
    assert refused(by_query, Request(query={"k": ["v", "w"]})).http_status == 401
    assert by_query.security == {"apiKey-k": {"type": "apiKey", "in": "query", "name": "k"}}
    assert api_key("s3", header="X-Key").security == {
        "apiKey-x-key": {"type": "apiKey", "in": "header", "name": "x-key"}
    }


def test_api_key_refuses_nonsense_at_definition() -> None:
    with pytest.raises(ValueError, match="both"):
        api_key("x", header="a", query="b")
    with pytest.raises(ValueError, match="empty"):
        api_key("")


@pytest.mark.parametrize("make", [bearer, lambda check: custom(check, {})])
def test_what_is_no_check_is_refused_at_definition(make: Any) -> None:
    with pytest.raises(TypeError, match="expected a function that gives the user, got 'TOKEN'"):
        make("TOKEN")


def test_custom_sees_request_and_context() -> None:
    auth = custom(lambda request, ctx: (request.headers["x"], ctx), {"type": "mutualTLS"}, name="mtls")
    assert user_of(auth, Request(x="1")) == ("1", CONTEXT)
    assert auth.security == {"mtls": {"type": "mutualTLS"}}
