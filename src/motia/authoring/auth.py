"""Who calls: values for `auth=` of an HTTP trigger.

    http("GET", "/me", auth=bearer(user_of_token))

Each is a callable `(request, ctx) -> user` that raises `AccessError`, and says its OpenAPI scheme in
`.security`. Everything that is not a truthy user is a refusal, also an error of the check.
"""

from __future__ import annotations

import hmac
import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from motia.errors import AccessError, MotiaError
from motia.http.problem import is_http_error

Check = Callable[..., Any]
"""Gives the user; None = unknown, False = known but not allowed. Sync (must not block) or async."""


class Auth:
    """One way to authenticate requests. Compare with `bearer`, `api_key` and `custom`."""

    __slots__ = ("_authenticate", "_challenge", "security")

    def __init__(
        self,
        authenticate: Callable[[Any, Any], Awaitable[Any]],
        *,
        security: Mapping[str, Mapping[str, Any]],
        challenge: str,
    ) -> None:
        self._authenticate = authenticate
        self._challenge = challenge
        self.security = security
        """`{scheme_name: OpenAPI security scheme}`."""

    async def __call__(self, request: Any, ctx: Any) -> Any:
        """The user. Failure: `AccessError`, 401 when nobody was recognised, 403 when the user may not."""
        try:
            user = await self._authenticate(request, ctx)
        except Exception as error:
            if isinstance(error, MotiaError) or is_http_error(error):
                raise
            # The caller is told no more than that; whose check it is must know why nobody gets in.
            ctx.logger.exception("auth: the check failed, so the request is refused")
            raise AccessError("access: expected a check that decides, got one that failed") from error
        return known(user, self._challenge)


def known(user: Any, challenge: str = "Bearer") -> Any:
    """The user that an `auth` gave. Failure: `AccessError`, 403 for False, 401 for nobody."""
    if user is False:
        raise AccessError("access: expected a caller who may do this, got one who may not")
    if not user:
        raise unauthenticated("a valid credential", "one that nobody has", challenge)
    return user


def bearer(check: Check, *, name: str = "bearer", format: str | None = None) -> Auth:
    """Authentication by `Authorization: Bearer <token>`; `check(token)` gives the user."""
    _check_callable("bearer", check)

    async def authenticate(request: Any, ctx: Any) -> Any:
        scheme, _, token = (request.headers.get("authorization") or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise unauthenticated("a bearer token in the authorization header", "none", "Bearer")
        return await _answer(check(token))

    scheme = {"type": "http", "scheme": "bearer", **({"bearerFormat": format} if format else {})}
    return Auth(authenticate, security={name: scheme}, challenge='Bearer error="invalid_token"')


def api_key(check: Check | str, *, header: str | None = None, query: str | None = None) -> Auth:
    """Authentication by a key in one header (default `x-api-key`) or one query parameter.

    `check(key)` gives the user; a string is the one valid key, compared in constant time.
    """
    if header is not None and query is not None:
        raise ValueError("api_key: expected a header or a query parameter, got both")
    if check == "":
        raise ValueError("api_key: expected a key, got an empty string")
    header = header or "x-api-key"
    name = query or header.lower()
    where = "query" if query else "header"

    async def authenticate(request: Any, ctx: Any) -> Any:
        key = (request.query_params if query else request.headers).get(name)
        if not isinstance(key, str) or not key:
            raise unauthenticated(f"an API key in the {where} {name!r}", "none", "ApiKey")
        if isinstance(check, str):
            # A wrong key is nobody's key (401), not a known caller who may not (403).
            return hmac.compare_digest(key.encode("utf-8", "replace"), check.encode("utf-8")) or None
        return await _answer(check(key))

    security = {f"apiKey-{name}": {"type": "apiKey", "in": where, "name": name}}
    return Auth(authenticate, security=security, challenge="ApiKey")


def custom(
    check: Check, scheme: Mapping[str, Any], *, name: str = "custom", challenge: str = "Bearer"
) -> Auth:
    """Authentication by `check(request, ctx)`, documented as the OpenAPI security scheme `scheme`."""
    _check_callable("custom", check)

    async def authenticate(request: Any, ctx: Any) -> Any:
        return await _answer(check(request, ctx))

    return Auth(authenticate, security={name: scheme}, challenge=challenge)


def _check_callable(name: str, check: Any) -> None:
    if not callable(check):
        raise TypeError(f"{name}: expected a function that gives the user, got {check!r}")


def unauthenticated(expected: str, got: str, challenge: str) -> AccessError:
    """The 401 with its `www-authenticate` challenge."""
    return AccessError(
        f"access: expected {expected}, got {got}",
        code="access.unauthenticated",
        details={"challenge": challenge},
    )


async def _answer(result: Any) -> Any:
    return await result if inspect.isawaitable(result) else result
