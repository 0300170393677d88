"""What the server asks of the application for each request. Neither side knows the other's transport."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from motia.core.occurrence import Request
from motia.http.response import HttpResponse

GiveUp = Callable[[HttpResponse], None]


class Endpoint(Protocol):
    """What answers the requests of one route."""

    @property
    def max_body_bytes(self) -> int: ...

    async def answer(self, request: Request, give_up: GiveUp) -> HttpResponse:
        """The response to a request whose body is complete. Never raises for what the author's code does.

        `give_up` sends a response while this goes on: a handler that swallows its cancellation must not
        keep its caller waiting. What is returned after it is dropped. *Cancellation*: propagates.
        """
        ...


class Gateway(Protocol):
    """An application that answers requests."""

    def admit(self, request: Request, raw_path: str, listener: str) -> Endpoint | HttpResponse:
        """Where a request goes, asked once its head is there; fills in `route` and `path_params`.

        A response instead of an endpoint refuses it: it is sent and the body, if any, is not read.
        """
        ...

    def finish(self, request: Request, response: HttpResponse) -> HttpResponse:
        """The response as it goes out, with the headers that every response gets."""
        ...

    def upgrade(self, request: Request, listener: str) -> asyncio.Protocol | None:
        """The protocol that takes over a connection that asks for a WebSocket; None = no such place.

        Its `connection_made` and then `data_received` with the request's head are called first.
        """
        ...

    def broke_off(self, request: Request, error: Exception) -> None:
        """A response could not be finished: its stream raised after the head had gone out."""
        ...
