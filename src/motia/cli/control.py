"""Requests to the running node over its control socket: HTTP over a Unix socket only its owner may open."""

from __future__ import annotations

import http.client
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from motia.errors import BackendError, HandlerError, InputError, MotiaError

if TYPE_CHECKING:
    from motia.settings.model import Settings

SOCKET_NAME = "control.sock"


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def control_socket(settings: Settings) -> Path:
    """Where a running node of this project listens."""
    from motia.settings.runtime_dir import runtime_dir

    return runtime_dir(settings) / SOCKET_NAME


def as_running(settings: Settings) -> Settings:
    """The settings; of a project that runs, with the port that it listens on."""
    from motia.settings.runtime_dir import runtime_dir
    from motia.supervisor.lock import last_port

    port = last_port(runtime_dir(settings)) if is_running(control_socket(settings)) else None
    return settings if port is None else settings.model_copy(update={"port": port})


def is_running(path: Path) -> bool:
    """Whether something answers at the control socket."""
    connection = _UnixConnection(path, 1.0)
    try:
        connection.connect()
    except OSError:
        return False
    finally:
        connection.close()
    return True


def post_to_node(settings: Settings, path: str, document: Any, *, timeout_s: float) -> Any:
    """What the running node answers to `document`.

    *Failure*: `BackendError` `node.not_running`, `node.no_answer` after `timeout_s`; else what the node says:
    `InputError` for a 4xx, `HandlerError` for anything else.
    """
    return post(control_socket(settings), path, document, timeout_s=timeout_s)


def post(socket_path: Path, path: str, document: Any, *, timeout_s: float) -> Any:
    """Like `post_to_node`, for a socket whose place is known."""
    from motia.encoding import decode, encode

    connection = _UnixConnection(socket_path, timeout_s)
    try:
        connection.request("POST", path, encode(document), {"Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read()
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise BackendError(
            "node: expected this project to be running, got nobody at its control socket",
            code="node.not_running",
            hint="start it with `motia dev` or `motia start`",
        ) from error
    except TimeoutError as error:
        raise BackendError(
            f"node: expected an answer within {timeout_s:g} s, got none",
            code="node.no_answer",
            retryable=True,
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise BackendError(
            f"node: expected an answer, got a broken connection ({error})",
            code="node.no_answer",
            retryable=True,
        ) from error
    finally:
        connection.close()
    body = decode(text) if text else None
    if response.status < 300:
        return body
    raise _refusal(response.status, body if isinstance(body, dict) else {})


def _refusal(status: int, problem: dict[str, Any]) -> MotiaError:
    text = str(problem.get("detail") or problem.get("title") or f"the node answered {status}")
    code = str(problem.get("code") or "handler.raised")
    hint = problem.get("hint")
    if 400 <= status < 500:
        return InputError(text, code=code, details=problem, hint=hint)
    return HandlerError(text, code=code, details=problem, hint=hint)
