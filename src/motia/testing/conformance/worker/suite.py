"""What the suite's step does, and what it is told.

`steps/suite.step.<extension>` declares a step `Suite` of any dialect that subscribes to `suite`, with a
`condition` that holds unless `skip` of the input is true. Its handler looks at `do` of the input, or of the
request's body:

| do | the handler |
|---|---|
| `echo` | returns `value` |
| `bytes` | returns the bytes 00 ff 01 |
| `state` | sets scope `s`, key `k` to `value`, and returns what a read of it then gives |
| `enqueue` | puts `value` on the topic `out` and returns the message's id |
| `call` | returns what calling the step `Other` with `value` gives |
| `raise` | raises an exception with the message `bad thing` |
| `cut` | logs a text that begins `cut ` and ends with half a character, as a warning with such data, then \
raises an exception with it |
| `refuse` | refuses the request: status 404, detail `no such order` |
| `retry` | asks for another attempt after 2.5 seconds, reason `busy` |
| `wrong` | returns an object whose `deep` is a list, whose second item JSON cannot carry |
| `huge` | the same, where it is an integer of more than 64 bits |
| `large` | returns an object whose `text` is 3 MB long |
| `print` | prints `hello` on standard output, on a line of its own, and returns null |
| `log` | logs `hi` as a warning, with the data `{"n": 1}`, and returns null |
| `sleep` | waits until it is cancelled, or for a minute |
| `step` | returns what the durable step `work`, a function that gives `value`, gives |
| `step_fails` | runs the durable step `work`, a function that raises `bad thing`, with 2 retries |
| `nap` | sleeps durably for an hour, then returns `awake` |
| `wait` | returns the first event of `paid` whose `order` equals `value`, within two days |
| `approval` | asks for `{"approved": boolean}` for two days, titled `Pay?`, and returns the answer; \
`notify` returns `told ` and the link |
| `status` | says that its run stands at `value`, and returns null |
| `run` | returns of the run `value`: a list of its status, its custom status, and when it is due (ms) |
| `stream` | returns `{"status": 200, "body": …}` whose body streams `count` texts: `item 0`, `item 1` … |

Where the input of `stream` has a `size`, each text is filled up with spaces to that length.
`steps/broken.step.<extension>` fails while it is loaded, on line 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from motia.testing.conformance.worker.peer import LIMITS, Peer

CONTEXT = {
    "trace_id": "0af7651916cd43dd8448eb211c80319c",
    "span_id": "b7ad6b7169203331",
    "step": "Suite",
    "flows": [],
    "attempt": 1,
    "deadline_ms": 4102444800000,
    "dialect": "type",
    "trigger": {"type": "queue", "index": 0, "topic": "suite"},
}


@dataclass(slots=True)
class Loaded:
    """The suite's step as the worker told of it."""

    handler: str
    condition: str
    result: dict[str, Any]


@dataclass(slots=True)
class Worker:
    """The worker under test: new connections to one process, and what was loaded."""

    path: Path
    project_dir: Path
    files: list[str]
    suite_file: str
    peers: list[Peer] = field(default_factory=list)

    async def peer(self) -> Peer:
        """A new connection, not greeted."""
        peer = await Peer.dial(self.path)
        self.peers.append(peer)
        return peer

    async def greeted(self) -> Peer:
        """A new connection, greeted."""
        peer = await self.peer()
        await peer.result("initialize", self.greeting())
        return peer

    def greeting(self) -> dict[str, Any]:
        return {
            "protocol": 1,
            "node": "suite",
            "project_dir": str(self.project_dir),
            "environment": "development",
            "limits": LIMITS,
        }

    async def streams(self) -> bool:
        """Whether the worker says that its results can stream."""
        return (await self._capabilities()).get("streams") is not False

    async def workflows(self) -> bool:
        """Whether the worker says that it can suspend an invocation."""
        return (await self._capabilities()).get("workflow") is True

    async def asks(self) -> bool:
        """Whether the worker says that its handlers can ask people, and say where their runs stand."""
        return (await self._capabilities()).get("approvals") is True

    async def _capabilities(self) -> dict[str, Any]:
        found: dict[str, Any] = await (await self.peer()).result("initialize", self.greeting())
        capabilities: dict[str, Any] = found["capabilities"]
        return capabilities

    async def load(self, peer: Peer) -> Loaded:
        """Load the suite's files."""
        params = {"project_dir": str(self.project_dir), "files": self.files}
        result = await peer.result("load", params)
        [suite] = [file for file in result["files"] if file["path"] == self.suite_file]
        assert suite["problems"] == [], suite["problems"]
        [definition] = suite["definitions"]
        condition = function_in(definition["config"], "condition")
        assert condition is not None, "expected the suite's step to have a condition"
        return Loaded(definition["handler"], condition, result)

    async def ready(self) -> tuple[Peer, Loaded]:
        """A connection that was greeted and has loaded."""
        peer = await self.greeted()
        return peer, await self.load(peer)

    async def close(self) -> None:
        peers, self.peers = self.peers, []
        for peer in peers:
            await peer.close()


def invocation(loaded: Loaded, input_: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """The params of `invoke` for a message."""
    return {"function": loaded.handler, "input": dict(input_), "context": CONTEXT, **more}


def request(loaded: Loaded, body: Mapping[str, Any]) -> dict[str, Any]:
    """The params of `invoke` for a request."""
    found = {
        "method": "POST",
        "path": "/suite",
        "route": "/suite",
        "path_params": {},
        "query_params": {},
        "headers": {"content-type": "application/json"},
        "body": dict(body),
    }
    trigger = {"type": "http", "index": 0, "method": "POST", "path": "/suite"}
    return {"function": loaded.handler, "request": found, "context": {**CONTEXT, "trigger": trigger}}


def function_in(value: Any, name: str) -> str | None:
    """The handle of the first function under that key, anywhere in a config."""
    if isinstance(value, dict):
        found = value.get(name)
        if isinstance(found, dict) and isinstance(found.get("$function"), str):
            return str(found["$function"])
        value = list(value.values())
    if isinstance(value, list):
        return next((found for item in value if (found := function_in(item, name))), None)
    return None
