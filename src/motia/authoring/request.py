"""The request as handlers see it: attributes and dict keys, both spellings, decoded when asked for."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, Self, overload

from motia.authoring.forms import parse_multipart, parse_urlencoded
from motia.core import occurrence as core
from motia.encoding import decode
from motia.errors import InputError
from motia.http.query import parse_query

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    B = TypeVar("B", default=Any)
else:
    from typing import TypeVar

    B = TypeVar("B")

V = TypeVar("V")

_URLENCODED = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"
_CHARSET = re.compile(r"charset=\"?([\w.:-]+)", re.IGNORECASE)
_PARTS = ("method", "path", "path_params", "query_params", "headers", "body")
_BLANK = core.Request(
    method="GET", path="/", route="/", path_params={}, query_string=b"", headers=(), body=b""
)


class RawBody:
    """A body that came whole, read as a stream: `for` or `async for` over `stream`, or `await read_all()`."""

    __slots__ = ("_bytes",)

    def __init__(self, body: bytes) -> None:
        self._bytes = body

    @property
    def stream(self) -> RawBody:
        """Its pieces, from the first."""
        return self

    def __iter__(self) -> Iterator[bytes]:
        if self._bytes:
            yield self._bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._bytes:
            yield self._bytes

    async def read_all(self) -> bytes:
        """The whole body."""
        return self._bytes


class Headers(dict[str, str]):
    """Headers by lower-case name, found in any case; repeats joined by a comma."""

    __slots__ = ()

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        """The value, or `default`."""
        return super().get(name.lower(), default)


class _Part(Generic[V]):
    """An attribute that is read once, when it is first asked for; setting it replaces it."""

    def __init__(self, read: Callable[[Any], V]) -> None:
        self._read = read
        self.__doc__ = read.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, request: None, owner: type) -> Self: ...
    @overload
    def __get__(self, request: object, owner: type) -> V: ...
    def __get__(self, request: Any, owner: type) -> Any:
        if request is None:
            return self
        value = request.__dict__[self._name] = self._read(request)
        return value

    if TYPE_CHECKING:
        # At run time there is none: what is set goes straight into the instance and hides the part.
        def __set__(self, request: object, value: V) -> None: ...


def _alias(name: str) -> Any:
    """Another spelling of an attribute, for reading and for setting."""
    return property(
        lambda request: getattr(request, name), lambda request, value: setattr(request, name, value)
    )


class Request(Mapping[str, Any], Generic[B]):
    """One HTTP request. `request.body` and `request["body"]` are the same, as are `path_params` and
    `pathParams` (or `params`), `query_params` and `queryParams` (or `query`).

    *Order*: nothing is decoded before it is asked for, and then once. What middleware sets, under any
    name, handlers find. Tests may build one by hand: `Request(body={...}, path_params={"id": "1"})`.
    *Failure*: reading the body raises `InputError` when it is not what its content type says.
    """

    response: Any = None
    """Writer of a streamed response (`Responder`), for a handler that names it; None for others."""

    def __init__(self, occurrence: core.Request = _BLANK, **given: Any) -> None:
        self._raw = occurrence
        if given:
            for name, value in given.items():
                setattr(self, name, value)

    if not TYPE_CHECKING:

        def __class_getitem__(cls, body_type: Any) -> type[Request]:
            # `Request[Order]` in a signature is this class: whoever binds arguments compares classes.
            return cls

    # Parts ------------------------------------------------------------------------------------------

    method = _Part[str](lambda request: request._raw.method)
    path = _Part[str](lambda request: request._raw.path)
    """As sent, decoded, without the query."""
    route = _Part[str](lambda request: request._raw.route)
    """The pattern that matched."""
    path_params = _Part[dict[str, str]](lambda request: dict(request._raw.path_params))
    query_params = _Part[dict[str, Any]](lambda request: parse_query(request._raw.query_string))
    """Texts; a list of them where a name is repeated."""
    raw_bytes = _Part[bytes](lambda request: request._raw.body)
    raw_body = _Part[str](lambda request: request._raw.body.decode("utf-8", "replace"))
    """The body as text, as it came; what is not UTF-8 is replaced."""
    client = _Part[str | None](lambda request: request._raw.client)
    """Address of the peer."""
    scheme = _Part[str](lambda request: request._raw.scheme)

    request_body = _Part[RawBody](lambda request: RawBody(request._raw.body))
    """The body as it came, as a stream."""

    pathParams = params = _alias("path_params")
    queryParams = query = _alias("query_params")
    rawBody = _alias("raw_body")
    rawBytes = _alias("raw_bytes")
    contentType = _alias("content_type")
    requestBody = _alias("request_body")

    @_Part
    def headers(self) -> Headers:
        """By lower-case name, found in any case; repeats joined by a comma."""
        return Headers(joined_headers(self._raw.headers))

    @_Part
    def cookies(self) -> dict[str, str]:
        """By name, as sent; of a repeated name the first, which is the one of the longest path."""
        cookies: dict[str, str] = {}
        for pair in self.headers.get("cookie", "").split(";"):
            name, found, value = pair.strip().partition("=")
            if found and name:
                value = value.strip()
                quoted = len(value) > 1 and value[0] == value[-1] == '"'
                cookies.setdefault(name.strip(), value[1:-1] if quoted else value)
        return cookies

    @property
    def content_type(self) -> str:
        """Without parameters, lower-case; empty when there is none."""
        return _media_type(self._declared_type())

    @property
    def json_bytes(self) -> bytes | None:
        """The body as JSON text, for who reads it as a type; None where `body` has to be used instead.

        None for another content type and when somebody set `body`. A body without a type is taken for JSON.
        """
        if "_replaced" in self.__dict__:
            return None
        declared = self._declared_type()
        if not declared or declared == "application/json" or _is_json(_media_type(declared)):
            return self._raw.body
        return None

    @property
    def body(self) -> B:
        """JSON and forms parsed, text as text, anything else as bytes; None without a body."""
        own = self.__dict__
        if "_body" not in own:
            own["_body"] = _read_body(self._raw.body, self._declared_type())
        return own["_body"]  # type: ignore[no-any-return]  # what the author says it is

    @body.setter
    def body(self, value: Any) -> None:
        self.__dict__["_body"] = value
        self.__dict__["_replaced"] = True

    @property
    def request(self) -> Request[B]:
        """The request itself, for handlers written for `{request, response}`."""
        return self

    def form(self) -> dict[str, Any]:
        """The fields of a form body, files as `UploadFile`; `InputError` 415 when the body is none."""
        if self.content_type not in (_URLENCODED, _MULTIPART):
            raise InputError(
                f"body: expected a form, got content type {self.content_type or 'none'}",
                code="input.unsupported_media_type",
                status=415,
            )
        return self.body or {}  # type: ignore[return-value]  # a form body is parsed to a dict

    def _declared_type(self) -> str:
        if "headers" in self.__dict__:
            return str(self.headers.get("content-type", ""))
        for name, value in self._raw.headers:
            if name == b"content-type":
                return value.decode("latin-1")
        return ""

    # As a dict --------------------------------------------------------------------------------------

    def __getitem__(self, name: str) -> Any:
        if name in self:
            return getattr(self, name)
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return name in _ITEMS or (name in self.__dict__ and str(name)[0] != "_")

    def __setitem__(self, name: str, value: Any) -> None:
        setattr(self, name, value)

    def __iter__(self) -> Iterator[str]:
        yield from _PARTS
        yield from (name for name in self.__dict__ if name not in _ITEMS and name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def get(self, name: str, default: Any = None) -> Any:
        """The part or value of that name; `default` when there is none, or it is None."""
        value = getattr(self, name) if name in self else None
        return default if value is None else value

    def setdefault(self, name: str, default: Any = None) -> Any:
        """The value of that name, set to `default` before if there is none."""
        if name not in self:
            self[name] = default
        return self[name]

    def __bool__(self) -> bool:
        return True

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.path}>"


_ITEMS = frozenset(name for name, value in vars(Request).items() if isinstance(value, _Part | property)) | {
    "response"
}


def joined_headers(lines: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by name, repeats joined by a comma."""
    joined = {name.decode("latin-1"): value.decode("latin-1") for name, value in lines}
    if len(joined) == len(lines):
        return joined
    joined.clear()
    for raw_name, raw_value in lines:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name in joined:
            value = f"{joined[name]}{'; ' if name == 'cookie' else ', '}{value}"
        joined[name] = value
    return joined


def _media_type(declared: str) -> str:
    return declared.partition(";")[0].strip().lower()


def _read_body(body: bytes, declared: str) -> Any:
    if not body:
        return None
    media = _media_type(declared)
    if _is_json(media):
        return decode(body)
    if media == _URLENCODED:
        return parse_urlencoded(body)
    if media == _MULTIPART:
        return parse_multipart(body, declared.encode("latin-1"))
    if media.startswith("text/"):
        return _text(body, declared)
    return body if media else _undeclared(body)


def _is_json(media: str) -> bool:
    return media == "application/json" or media.endswith("+json")


def _undeclared(body: bytes) -> Any:
    """A body without a content type: JSON where it is JSON, else bytes."""
    try:
        return decode(body)
    except InputError:
        return body


def _text(body: bytes, declared: str) -> str:
    charset = _CHARSET.search(declared)
    try:
        return body.decode(charset.group(1) if charset else "utf-8", "replace")
    except LookupError:
        return body.decode("utf-8", "replace")
