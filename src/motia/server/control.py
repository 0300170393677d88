"""What `motia call`, `motia cron run` and `motia traces` speak to: a socket that only its owner can open."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from motia import encoding
from motia.core.calls import EnqueueRequest
from motia.core.ids import format_id
from motia.core.occurrence import Request
from motia.core.spelling import did_you_mean
from motia.engine.engine import Engine
from motia.engine.running import running_documents
from motia.errors import AccessError, InputError, MotiaError
from motia.http.problem import problem, problem_of
from motia.http.response import HttpResponse, to_response
from motia.server.app_gateway import BuiltinEndpoint

_LIMIT_BYTES = 16 * 1024 * 1024


def control_endpoint(engine: Engine) -> BuiltinEndpoint:
    """`POST /call {"id", "data"}`, `/cron/run {"id"}`, `/emit {"topic", "data"}` and `/running {}`."""

    async def call(order: Mapping[str, Any]) -> Any:
        return await engine.call_step(str(order.get("id")), order.get("data"))

    async def cron_run(order: Mapping[str, Any]) -> Any:
        name = str(order.get("id"))
        schedule = next((one for one in engine.schedules.schedules if one.step.name == name), None)
        if schedule is None:
            names = [one.step.name for one in engine.schedules.schedules]
            raise InputError(
                f"cron run {name!r}: expected a step with a cron trigger, got none of this name",
                code="step.unknown",
                status=404,
                hint=did_you_mean(name, names, "`motia cron list` lists them"),
            )
        message = await engine.schedules.fire_now(schedule)
        return {"message_id": format_id(message.id)}

    async def emit(order: Mapping[str, Any]) -> Any:
        messages = await engine.enqueue(EnqueueRequest(order.get("data"), topic=str(order.get("topic"))))
        return {"queues": [list(message.queue) for message in messages]}

    async def running(_: Mapping[str, Any]) -> Any:
        return running_documents(engine)

    actions = {"/call": call, "/cron/run": cron_run, "/emit": emit, "/running": running}

    async def control(request: Request) -> HttpResponse:
        action = actions.get(request.path)
        if action is None or request.method != "POST":
            return problem(404, code="route.not_found")
        return await _answer(action, request.body)

    return BuiltinEndpoint(control, _LIMIT_BYTES)


async def _answer(action: Callable[[Mapping[str, Any]], Awaitable[Any]], body: bytes) -> HttpResponse:
    try:
        order = encoding.decode(body)
        if not isinstance(order, Mapping):
            raise InputError("control: expected a JSON object", code="input.invalid")
        return to_response({"status": 200, "body": await action(order)})
    except MotiaError as error:
        # The operator of this machine asked: what the author's code said may be told.
        if isinstance(error, InputError | AccessError):
            return problem_of(error)
        return problem(error.http_status, code=error.code, detail=error.message, hint=error.hint)
