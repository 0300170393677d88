"""The least that serves the worker protocol: steps in Python files, run one thread each.

Start it as `MOTIA_WORKER_FD=<a listening Unix socket> python minimal_worker.py`.
"""

import base64
import contextvars
import ctypes
import itertools
import json
import os
import queue
import socket
import sys
import threading
import traceback
import types

FUNCTIONS, FILES, LIMITS = {}, {}, {}
RUNNING = contextvars.ContextVar("running", default=None)


class Refused(Exception):
    def __init__(self, message, **data):
        super().__init__(message)
        self.data = data


class Cancelled(BaseException):
    pass


def load(project, path):
    if path not in FILES:
        found = FILES[path] = {"path": path, "definitions": [], "problems": []}
        try:
            with open(os.path.join(project, path)) as file:
                module = types.ModuleType(path)
                exec(compile(file.read(), path, "exec"), module.__dict__)
            FUNCTIONS[path + "#handler"] = module.handler
            config = json.loads(json.dumps(module.config, default=lambda function: handle(path, function)))
            definition = {"kind": "step", "line": 1, "language": "mini", "config": config}
            found["definitions"].append({**definition, "handler": path + "#handler"})
        except Exception as error:
            lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
            found["problems"].append({"message": str(error), "line": (lines or [1])[-1]})
    return FILES[path]


def handle(path, function):
    name = f"{path}#{function.__name__}"
    FUNCTIONS[name] = function
    return {"$function": name}


def wire(value, path="$", stream=None):
    """The value as JSON can carry it."""
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        made = {key: wire(item, f"{path}.{key}", stream) for key, item in value.items()}
        return {"$literal": made} if len(made) == 1 and set(made) & {"$bytes", "$stream", "$literal"} else made
    if isinstance(value, list):
        return [wire(item, f"{path}[{index}]", stream) for index, item in enumerate(value)]
    if stream and isinstance(value, types.GeneratorType):
        return {"$stream": stream(value)}
    if value is None or isinstance(value, str | int) or (isinstance(value, float) and abs(value) < float("inf")):
        return value
    raise Refused(f"{path}: expected a value that JSON can carry, got {value!r}", code="value.not_json")


def unwire(value):
    if isinstance(value, list):
        return [unwire(item) for item in value]
    if not isinstance(value, dict):
        return value
    if list(value) == ["$bytes"]:
        return base64.b64decode(value["$bytes"])
    value = value["$literal"] if list(value) == ["$literal"] else value
    return {key: unwire(item) for key, item in value.items()}


class Node:
    """One connection."""

    def __init__(self, connection):
        self.connection, self.lock = connection, threading.Lock()
        self.ids, self.answers, self.threads, self.credits, self.parts = itertools.count(1), {}, {}, {}, {}

    def send(self, **message):
        text = json.dumps({"jsonrpc": "2.0", **message}, allow_nan=False)
        if len(text) > LIMITS.get("message_bytes", 1 << 20):
            members = message["result"]["value"]
            largest = max(members, key=lambda name: len(json.dumps(members[name])))
            raise Refused(f"$.{largest}: too large", code="result.too_large")
        step, number = LIMITS.get("frame_bytes", 1 << 20) // 4, next(self.ids)
        pieces = [text[at : at + step] for at in range(0, len(text), step)]
        lines = [text] if len(pieces) == 1 else [
            json.dumps({"jsonrpc": "2.0", "method": "part", "params": {
                "message": number, "text": piece, "last": index == len(pieces) - 1}})
            for index, piece in enumerate(pieces)
        ]
        with self.lock:
            self.connection.sendall(("\n".join(lines) + "\n").encode())

    def ask(self, method, **params):
        number, answer = next(self.ids), queue.SimpleQueue()
        self.answers[number] = answer
        self.send(id=number, method=method, params={"invocation": RUNNING.get(), **wire(params)})
        found = answer.get()
        if "error" in found:
            raise Refused(found["error"]["message"], code="context.refused")
        return unwire(found["result"])

    def serve(self):
        lines = self.connection.makefile("rb")
        try:
            while line := lines.readline(LIMITS.get("frame_bytes", 1 << 20) + 2):
                self.take(json.loads(line.decode()))
        except (OSError, ValueError, AttributeError, KeyError):
            self.connection.shutdown(socket.SHUT_RDWR)  # no message of the protocol, or the node is gone
        self.connection.close()

    def take(self, message):
        method, number, params = message.get("method"), message.get("id"), message.get("params", {})
        if method == "part":
            self.parts[params["message"]] = self.parts.get(params["message"], "") + params["text"]
            if params["last"]:
                self.take(json.loads(self.parts.pop(params["message"])))
        elif method is None:
            self.answers.pop(number).put(message)
        elif method == "cancel" and params["id"] in self.threads:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(self.threads[params["id"]]), ctypes.py_object(Cancelled))
        elif method in ("credit", "close") and params["stream"] in self.credits:
            for _ in range(params.get("items", 1)):
                self.credits[params["stream"]].put(method)
        elif number is not None:
            threading.Thread(target=self.answer, args=(number, method, params), daemon=True).start()

    def answer(self, number, method, params):
        self.threads[number], streams = threading.get_ident(), {}
        RUNNING.set(number)
        try:
            self.send(id=number, result=getattr(self, f"on_{method}", self.unknown)(params, streams))
            for stream, items in streams.items():
                self.pour(stream, items)
            if method == "shutdown":
                os._exit(0)
        except (Exception, Cancelled) as error:
            if number in self.threads:
                stack = "".join(traceback.format_exception(error))
                data = {"code": "handler.raised", "type": type(error).__name__, "stack": stack}
                data.update(getattr(error, "data", {}))
                self.send(id=number, error={"code": data.pop("rpc", -32000), "message": str(error), "data": data})
        self.threads.pop(number, None)

    def unknown(self, params, streams):
        raise Refused("no such method", rpc=-32601)

    def on_initialize(self, params, streams):
        LIMITS.update(params["limits"])
        threading.Thread(target=self.beat, daemon=True).start()
        runtime = {"name": "mini", "version": sys.version.split()[0]}
        return {"protocol": 1, "language": "mini", "runtime": runtime, "pid": os.getpid(), "capabilities": {}}

    def beat(self, pause=threading.Event()):
        while not pause.wait(LIMITS["heartbeat_s"]) and self.connection.fileno() >= 0:
            self.send(method="heartbeat", params={})

    def on_load(self, params, streams):
        return {"files": [load(params["project_dir"], path) for path in params["files"]]}

    def on_shutdown(self, params, streams):
        return {}

    def on_call(self, params, streams):
        return {"value": wire(self.function(params["function"])(*unwire(params["arguments"])))}

    def on_invoke(self, params, streams):
        given = unwire(params.get("request", params.get("input")))
        if "condition" in params and not self.function(params["condition"])(given):
            return {"outcome": "cancelled", "reason": "condition not met"}
        value = self.function(params["function"])(given, self)
        return value.args[0] if isinstance(value, StopIteration) else {
            "value": wire(value, stream=lambda items: streams.setdefault(next(self.ids), items) and max(streams))}

    def function(self, handle):
        if handle not in FUNCTIONS:
            raise Refused(f"no function {handle}")
        return FUNCTIONS[handle]

    def pour(self, stream, items):
        credits = self.credits[stream] = queue.SimpleQueue()
        for _ in range(LIMITS["stream_items"]):
            credits.put("credit")
        for item in items:
            if credits.get() == "close":
                return
            self.send(method="chunk", params={"stream": stream, "items": [wire(item)]})
        self.send(method="end", params={"stream": stream})

    def log(self, level, message, **data):
        self.send(method="log", params={"invocation": RUNNING.get(), "level": level, "message": message, **data})
