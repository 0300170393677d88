"""Requests to an app in the same process: no port, no socket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from motia import encoding


class Answer:
    """A response: `status_code`, `headers` (lower-case), `content`, `text`, `json()`."""

    def __init__(self, status: int, headers: list[tuple[bytes, bytes]], content: bytes) -> None:
        self.status_code = status
        self.headers = {name.decode(): value.decode("latin-1") for name, value in headers}
        self.header_lines = headers
        self.content = content

    @property
    def text(self) -> str:
        return self.content.decode()

    def json(self) -> Any:
        return encoding.decode(self.content)

    def __repr__(self) -> str:
        return f"<Answer {self.status_code} {self.content[:200]!r}>"


class Http:
    """Speaks ASGI to the app: `await app.http.post("/orders", json={...})`."""

    def __init__(self, asgi: Any, *, listener: str = "api") -> None:
        self._asgi = asgi
        self._listener = listener

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        content: bytes | str | None = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request and read the whole answer."""
        url = urlsplit(path)
        query = url.query.encode()
        if params:
            query = b"&".join(part for part in (query, urlencode(params, doseq=True).encode()) if part)
        lines = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
        body = content.encode() if isinstance(content, str) else content
        if json is not None:
            body = encoding.encode(json)
            lines.append((b"content-type", b"application/json"))
        if body is not None:
            lines.append((b"content-length", b"%d" % len(body)))
        raw_path = quote(url.path, safe="/%:@!$&'()*+,;=~-._")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method.upper(),
            "scheme": "http",
            "path": url.path,
            "raw_path": raw_path.encode(),
            "query_string": query,
            "headers": lines,
            "client": ("127.0.0.1", 0),
            "server": ("testserver", 80),
            "state": {"listener": self._listener},
        }
        sent = [{"type": "http.request", "body": body or b"", "more_body": False}]
        status, answered, parts = 0, list[tuple[bytes, bytes]](), list[bytes]()

        async def receive() -> Mapping[str, Any]:
            return sent.pop() if sent else {"type": "http.disconnect"}

        async def send(message: Mapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                answered.extend(message["headers"])
            else:
                parts.append(message.get("body", b""))

        await self._asgi(scope, receive, send)
        return Answer(status, answered, b"".join(parts))

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.request("GET", path, **options)

    async def post(self, path: str, **options: Any) -> Answer:
        return await self.request("POST", path, **options)

    async def put(self, path: str, **options: Any) -> Answer:
        return await self.request("PUT", path, **options)

    async def patch(self, path: str, **options: Any) -> Answer:
        return await self.request("PATCH", path, **options)

    async def delete(self, path: str, **options: Any) -> Answer:
        return await self.request("DELETE", path, **options)
