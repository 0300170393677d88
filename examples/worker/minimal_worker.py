"""The least that serves the worker protocol: `config` and `async def handler(input, context)` in a file."""

import asyncio
import base64
import itertools
import json
import os
import socket
import sys
import traceback

FUNCTIONS, FILES, LIMITS = {}, {}, {"frame_bytes": 1 << 20, "message_bytes": 1 << 25, "message_parts": 4}


class Refused(Exception):
    def __init__(self, message, rpc=-32000, **data):
        super().__init__(message)
        self.rpc, self.data = rpc, data


def load(project, path):
    """Every file is loaded once, in a module of its own; functions in its config become handles."""
    if path not in FILES:
        found = FILES[path] = {"path": path, "definitions": [], "problems": []}
        try:
            with open(os.path.join(project, path)) as file:
                exec(compile(file.read(), path, "exec"), module := {})  # noqa: S102 - the author's code
            config = json.loads(json.dumps(module["config"], default=lambda one: keep(path, one)))
            step = {"kind": "step", "line": 1, "language": "mini", "config": config}
            found["definitions"].append({**step, "handler": keep(path, module["handler"])["$function"]})
        except Exception as error:
            line = error.__traceback__.tb_next.tb_lineno if error.__traceback__.tb_next else error.lineno
            found["problems"].append({"message": str(error), "line": line})
    return FILES[path]


def keep(path, function):
    FUNCTIONS[f"{path}#{function.__name__}"] = function
    return {"$function": f"{path}#{function.__name__}"}


def wire(value, path="$"):
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, list):
        return [wire(item, f"{path}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, dict):
        made = {key: wire(item, f"{path}.{key}") for key, item in value.items()}
        return {"$literal": made} if list(made) in (["$bytes"], ["$literal"]) else made
    number = isinstance(value, int | float) and abs(value) <= (1e308 if isinstance(value, float) else 2**63)
    if number or isinstance(value, str | None):
        return value
    raise Refused(f"{path}: expected a value that JSON can carry, got {value!r}", code="value.not_json")


def unwire(value):
    if not isinstance(value, dict):
        return [unwire(item) for item in value] if isinstance(value, list) else value
    if list(value) == ["$bytes"]:
        return base64.b64decode(value["$bytes"])
    value = value["$literal"] if list(value) == ["$literal"] else value
    return {key: unwire(item) for key, item in value.items()}


class Node:
    def __init__(self, writer):
        self.writer, self.ids, self.answers, self.tasks = writer, itertools.count(1), {}, {}
        self.long, self.waiting, self.unread = "", [], 0

    def send(self, **message):
        line = json.dumps({"jsonrpc": "2.0", **message}, ensure_ascii=False).encode("utf-8", "replace")
        text, step = line.decode(), LIMITS["frame_bytes"] // 8  # replaced: half a character is no JSON
        if len(line) > LIMITS["message_bytes"]:
            sizes = {name: len(json.dumps(item)) for name, item in message["result"]["value"].items()}
            raise Refused(f"$.{max(sizes, key=sizes.get)}: expected less", code="result.too_large")
        if len(line) < LIMITS["frame_bytes"]:
            return self.writer.write(line + b"\n")
        self.waiting += [(text[at : at + step], at + step >= len(text)) for at in range(0, len(text), step)]
        return self.pour(0)

    def pour(self, taken):
        """Send the parts that there is credit for; short messages pass those that wait."""
        self.unread -= taken
        while self.waiting and self.unread < LIMITS["message_parts"]:
            self.unread += 1
            text, last = self.waiting.pop(0)
            self.send(method="part", params={"message": 1, "text": text, "last": last})

    def take(self, message):
        method, number, params = message.get("method"), message.get("id"), message.get("params", {})
        if method is None:
            self.answers.pop(number).set_result(message)
        elif method == "part":
            self.long += params["text"]
            self.send(method="credit", params={"parts": 1})
            if params["last"]:
                text, self.long = self.long, ""
                self.take(json.loads(text))
        elif method == "credit":
            self.pour(params["parts"])
        elif method == "cancel" and params["id"] in self.tasks:
            self.tasks[params["id"]].cancel()
        elif number is not None:
            self.tasks[number] = asyncio.ensure_future(self.answer(number, method, params))

    async def answer(self, number, method, params):
        try:
            self.send(id=number, result={} if method == "shutdown" else await self.do(number, method, params))
        except (Exception, asyncio.CancelledError) as error:
            told = {"code": "handler.raised", "type": type(error).__name__, "stack": traceback.format_exc()}
            told, rpc = {**told, **getattr(error, "data", {})}, getattr(error, "rpc", -32000)
            self.send(id=number, error={"code": rpc, "message": str(error), "data": told})
        if method == "shutdown":
            await self.writer.drain()
            os._exit(0)
        del self.tasks[number]

    async def do(self, number, method, params):
        if method == "initialize":
            LIMITS.update(params["limits"])
            self.beat()
            about = {"language": "mini", "runtime": {"name": "mini", "version": "1"}, "pid": os.getpid()}
            return {"protocol": 1, **about, "capabilities": {"streams": False}}
        if method == "load":
            return {"files": [load(params["project_dir"], path) for path in params["files"]]}
        if method not in ("call", "invoke"):
            raise Refused("expected a method of the protocol", rpc=-32601)
        function = FUNCTIONS[params["function"]]
        if method == "call":
            return {"value": wire(function(*unwire(params["arguments"])))}
        given = unwire(params.get("request", params.get("input")))
        if "condition" in params and not FUNCTIONS[params["condition"]](given):
            return {"outcome": "cancelled", "reason": "condition not met"}
        value = await function(given, Context(self, number))
        if isinstance(value, tuple):  # to steer the queue
            return dict(zip(("outcome", "delay_s", "reason"), value, strict=True))
        return {"value": wire(value)}

    def beat(self):
        if not self.writer.is_closing():
            self.send(method="heartbeat", params={})
            asyncio.get_running_loop().call_later(LIMITS["heartbeat_s"], self.beat)


class Context:
    def __init__(self, node, number):
        self.node, self.number = node, number

    async def ask(self, method, **params):
        number = next(self.node.ids)
        answer = self.node.answers[number] = asyncio.Future()
        self.node.send(id=number, method=method, params={"invocation": self.number, **wire(params)})
        if "error" in (found := await answer):
            raise Refused(found["error"]["message"], code="context.refused")
        return unwire(found["result"])

    def log(self, **line):
        self.node.send(method="log", params={"invocation": self.number, **line})


async def serve(reader, writer):
    node = Node(writer)
    try:
        while (line := await reader.readline()) and len(line) <= LIMITS["frame_bytes"] + 1:
            node.take(json.loads(line))
    except (OSError, ValueError, AttributeError, KeyError):
        pass  # no message of the protocol, or the node is gone
    writer.close()


async def main():
    listener = socket.socket(fileno=int(os.environ["MOTIA_WORKER_FD"]))
    await asyncio.start_unix_server(serve, sock=listener, limit=1 << 21)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # ends with who started this
    os._exit(0)


asyncio.run(main())
