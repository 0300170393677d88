"""What every worker must do, one check a promise of the protocol's page, in the order of that page."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from motia.runtimes.worker.streams import CREDIT_BYTES
from motia.testing.conformance.worker.peer import LIMITS, PATIENCE_S, Message
from motia.testing.conformance.worker.suite import Worker, function_in, invocation, request


async def it_greets(worker: Worker) -> None:
    peer = await worker.peer()
    found = await peer.result("initialize", worker.greeting())
    assert found["protocol"] == 1
    assert found["pid"] > 0
    assert found["runtime"]["version"]


async def it_beats_on_every_connection(worker: Worker) -> None:
    one, two = await worker.greeted(), await worker.greeted()
    await one.until(lambda: len(one.noted("heartbeat")) > 1)
    await two.until(lambda: len(two.noted("heartbeat")) > 1)


async def a_broken_file_hides_no_other_and_names_its_line(worker: Worker) -> None:
    _, loaded = await worker.ready()
    [broken] = [file for file in loaded.result["files"] if "broken" in file["path"]]
    assert broken["definitions"] == []
    [problem] = broken["problems"]
    assert problem["line"] == 3, problem
    assert problem["message"]


async def the_same_files_give_the_same_handles_to_every_node(worker: Worker) -> None:
    _, one = await worker.ready()
    _, two = await worker.ready()
    assert one.result == two.result


async def what_goes_in_comes_out(worker: Worker) -> None:
    peer, loaded = await worker.ready()
    values: list[Any] = [
        None,
        True,
        0,
        -1.5,
        2**31,
        "",
        "日本語 🙂 \u2028 \x00",
        [],
        {},
        {"a": [1, {"b": None}]},
    ]
    for value in values:
        found = await peer.result("invoke", invocation(loaded, {"do": "echo", "value": value}))
        assert found.get("value") == value, value


async def many_at_once_are_answered_each(worker: Worker) -> None:
    peer, loaded = await worker.ready()
    begun = [
        peer.begin("invoke", invocation(loaded, {"do": "echo", "value": number}))[1] for number in range(200)
    ]
    assert [(await one)["result"]["value"] for one in begun] == list(range(200))


async def text_arrives_whole_wherever_it_is_cut(worker: Worker) -> None:
    peer, loaded = await worker.ready()
    params = invocation(loaded, {"do": "echo", "value": "é日🙂"})
    for at in range(2, 12):
        number, future = 1000 + at, asyncio.get_running_loop().create_future()
        peer._answers[number] = future
        message = {"jsonrpc": "2.0", "id": number, "method": "invoke", "params": params}
        line = json.dumps(message, ensure_ascii=False).encode() + b"\n"
        cut = line.index("é".encode()) + at - 2
        peer.send_raw(line[:cut])
        await peer._writer.drain()
        await asyncio.sleep(0.005)  # so that the pieces do not arrive as one
        peer.send_raw(line[cut:])
        assert (await future)["result"]["value"] == "é日🙂"


async def a_long_message_goes_in_parts_both_ways(worker: Worker) -> None:
    peer, loaded = await worker.ready()
    value = {"text": '日本 "quoted" \\ \n' * 12_000}
    found = await peer.result("invoke", invocation(loaded, {"do": "echo", "value": value}))
    assert found["value"] == value


async def the_parts_of_a_long_message_wait_for_credit_and_hold_nothing_up(worker: Worker) -> None:
    peer, loaded = await worker.ready()
    value = "日" * 100_000
    peer.gives_part_credit = False
    _, long = peer.begin("invoke", invocation(loaded, {"do": "echo", "value": value}))
    _, longer = peer.begin("invoke", invocation(loaded, {"do": "echo", "value": value + "本"}))
    await peer.until(lambda: peer.parts)
    for number in range(5):
        assert (await peer.result("invoke", invocation(loaded, {"do": "echo", "value": number})))[
            "value"
        ] == number
    assert peer.parts == LIMITS["message_parts"]
    assert not long.done()
    peer.gives_part_credit = True
    peer.notify("credit", {"parts": LIMITS["message_parts"]})
    async with asyncio.timeout(PATIENCE_S):
        assert (await long)["result"]["value"] == value
        assert (await longer)["result"]["value"] == value + "本"


async def a_result_that_is_too_large_is_the_authors_error(worker: Worker) -> None:
    peer, loaded = await worker.ready()
    error = await peer.error("invoke", invocation(loaded, {"do": "large"}))
    assert error["data"]["code"] == "result.too_large"
    assert ".text" in error["message"]
    assert (await peer.result("invoke", invocation(loaded, {"do": "echo", "value": 1})))["value"] == 1


async def a_value_that_json_cannot_carry_is_named(worker: Worker) -> None:
    peer, loaded = await worker.ready()
    for wrong in ("wrong", "huge"):
        error = await peer.error("invoke", invocation(loaded, {"do": wrong}))
        assert error["data"]["code"] == "value.not_json"
        assert "$.deep[1]" in error["message"]


async def bytes_and_reserved_keys_are_escaped(worker: Worker) -> None:
    peer, loaded = await worker.ready()
    assert (await peer.result("invoke", invocation(loaded, {"do": "bytes"})))["value"] == b"\x00\xff\x01"
    own = {"$literal": {"$bytes": "mine"}}
    found = await peer.result("invoke", invocation(loaded, {"do": "echo", "value": own}))
    assert found["value"] == {"$bytes": "mine"}


async def state_is_written_and_read_in_order(worker: Worker) -> None:
    peer, loaded = await worker.ready()
    state: dict[str, Any] = {}

    def answer(method: str, params: Message) -> Any:
        if method == "context.commit":
            [operation] = params["operations"]
            assert (operation["op"], operation["scope"], operation["key"]) == ("state.set", "s", "k")
            state["k"] = operation["value"]
            return {"results": [{"version": 1}]}
        assert params["read"] == {"op": "state.get", "scope": "s", "key": "k"}
        return {"value": state["k"], "version": 1}

    peer.answer_with(answer)
    found = await peer.result("invoke", invocation(loaded, {"do": "state", "value": {"n": 7}}))
    assert found["value"] == {"n": 7}
    assert len({asked["params"]["invocation"] for asked in peer.asked}) == 1


async def messages_are_enqueued(worker: Worker) -> None:
    peer, loaded = await worker.ready()
    peer.answer_with(lambda method, params: {"results": [["id-1"]]})
    found = await peer.result("invoke", invocation(loaded, {"do": "enqueue", "value": [1]}))
    [asked] = peer.asked
    [operation] = asked["params"]["operations"]
    [message] = operation["messages"]
    assert (operation["op"], message["topic"], message["data"]) == ("enqueue", "out", [1])
    assert found["value"] == "id-1"


async def another_step_is_called(worker: Worker) -> None:
    peer, loaded = await worker.ready()
    peer.answer_with(lambda method, params: {"value": {"from": params["step"], "got": params["data"]}})
    found = await peer.result("invoke", invocation(loaded, {"do": "call", "value": 5}))
    assert found["value"] == {"from": "Other", "got": 5}


async def what_the_engine_refuses_fails_the_handler(worker: Worker) -> None:
    peer, loaded = await worker.ready()
    peer.answer_with(lambda method, params: RuntimeError("the disk is full"))
    error = await peer.error("invoke", invocation(loaded, {"do": "state", "value": 1}))
    assert "the disk is full" in error["message"]


async def an_exception_names_its_type_and_the_authors_line(worker: Worker) -> None:
    peer, loaded = await worker.ready()
    error = await peer.error("invoke", invocation(loaded, {"do": "raise"}))
    assert error["message"] == "bad thing"
    data = error["data"]
    assert data["code"] == "handler.raised"
    assert data["type"]
    assert worker.suite_file in data["stack"]
    assert str(worker.project_dir) not in data["stack"]


async def text_that_is_cut_within_a_character_is_told_all_the_same(worker: Worker) -> None:
    peer, loaded = await worker.ready()
    error = await peer.error("invoke", invocation(loaded, {"do": "cut"}))
    assert error["message"].startswith("cut ")
    assert error["data"]["code"] == "handler.raised"
    [line] = await peer.until(lambda: peer.noted("log"))
    assert line["message"].startswith("cut ")
    assert (await peer.result("invoke", invocation(loaded, {"do": "echo", "value": 1})))["value"] == 1


async def a_request_can_be_refused(worker: Worker) -> None:
    peer, loaded = await worker.ready()
    error = await peer.error("invoke", request(loaded, {"do": "refuse"}))
    assert (error["data"]["status"], error["data"]["detail"]) == (404, "no such order")


async def another_attempt_can_be_asked_for(worker: Worker) -> None:
    peer, loaded = await worker.ready()
    found = await peer.result("invoke", invocation(loaded, {"do": "retry"}))
    assert (found["outcome"], found["delay_s"], found["reason"]) == ("retry", 2.5, "busy")


async def a_condition_decides(worker: Worker) -> None:
    peer, loaded = await worker.ready()
    params = invocation(loaded, {"do": "echo", "value": 1, "skip": True}, condition=loaded.condition)
    assert await peer.result("invoke", params) == {"outcome": "cancelled", "reason": "condition not met"}
    params = invocation(loaded, {"do": "echo", "value": 1}, condition=loaded.condition)
    assert (await peer.result("invoke", params))["value"] == 1


async def any_function_can_be_called_by_its_handle(worker: Worker) -> None:
    peer, loaded = await worker.ready()
    assert function_in({"a": [{"condition": {"$function": "f"}}]}, "condition") == "f"
    params = {"function": loaded.condition, "arguments": [{"skip": True}]}
    assert (await peer.result("call", params))["value"] in (False, None)
    error = await peer.error("call", {"function": "nowhere#nothing", "arguments": []})
    assert "nowhere#nothing" in error["message"]


async def what_is_printed_is_a_log_of_the_step(worker: Worker) -> None:
    peer, loaded = await worker.ready()
    number, future = peer.begin("invoke", invocation(loaded, {"do": "print"}))
    assert "result" in await future
    [line] = await peer.until(lambda: peer.noted("log"))
    assert (line["invocation"], line["level"], line["message"]) == (number, "info", "hello")


async def a_log_carries_its_data(worker: Worker) -> None:
    peer, loaded = await worker.ready()
    number, future = peer.begin("invoke", invocation(loaded, {"do": "log"}))
    assert "result" in await future
    [line] = await peer.until(lambda: peer.noted("log"))
    assert (line["invocation"], line["level"], line["message"]) == (number, "warning", "hi")
    assert line["data"] == {"n": 1}


async def a_cancelled_handler_stops_and_is_answered(worker: Worker) -> None:
    peer, loaded = await worker.ready()
    number, future = peer.begin("invoke", invocation(loaded, {"do": "sleep"}))
    # Answered after the handler has begun: the worker takes messages in order.
    await peer.result("invoke", invocation(loaded, {"do": "echo", "value": 1}))
    peer.notify("cancel", {"id": number, "reason": "timed_out"})
    async with asyncio.timeout(30):
        await future


async def a_stream_waits_for_credit(worker: Worker) -> None:
    if not await worker.streams():
        return
    peer, loaded = await worker.ready()
    found = await peer.result("invoke", request(loaded, {"do": "stream", "count": 20}))
    number = found["value"]["body"]["$stream"]

    def items() -> list[Any]:
        return [item for chunk in peer.noted("chunk") for item in chunk["items"]]

    first = int(LIMITS["stream_items"])
    await peer.until(lambda: len(items()) >= first)
    await peer.result("invoke", invocation(loaded, {"do": "echo", "value": 1}))
    assert len(items()) == first
    peer.notify("credit", {"stream": number, "items": 100})
    await peer.until(lambda: peer.noted("end"))
    assert items() == [f"item {index}" for index in range(20)]
    assert peer.noted("end") == [{"stream": number}]


async def large_items_of_a_stream_take_more_credit(worker: Worker) -> None:
    if not await worker.streams():
        return
    peer, loaded = await worker.ready()
    found = await peer.result("invoke", request(loaded, {"do": "stream", "count": 20, "size": 40_000}))
    number = found["value"]["body"]["$stream"]

    def items() -> list[Any]:
        return [item for chunk in peer.noted("chunk") for item in chunk["items"]]

    cost = 1 + 40_000 // CREDIT_BYTES
    first = -(-int(LIMITS["stream_items"]) // cost)
    await peer.until(lambda: len(items()) >= first)
    await peer.result("invoke", invocation(loaded, {"do": "echo", "value": 1}))
    assert len(items()) == first
    assert sum(chunk["credit"] for chunk in peer.noted("chunk")) == first * cost
    peer.notify("credit", {"stream": number, "items": 20 * cost})
    await peer.until(lambda: peer.noted("end"))
    assert [len(item) for item in items()] == [40_000] * 20


async def a_stream_that_is_closed_ends_in_silence(worker: Worker) -> None:
    if not await worker.streams():
        return
    peer, loaded = await worker.ready()
    found = await peer.result("invoke", request(loaded, {"do": "stream", "count": 1000}))
    number = found["value"]["body"]["$stream"]
    await peer.until(lambda: peer.noted("chunk"))
    peer.notify("close", {"stream": number})
    peer.notify("credit", {"stream": number, "items": 1000})
    await peer.result("invoke", invocation(loaded, {"do": "echo", "value": 1}))
    sent = sum(len(chunk["items"]) for chunk in peer.noted("chunk"))
    assert sent < 1000
    assert peer.noted("end") == []


async def a_recorded_step_is_not_done_again(worker: Worker) -> None:
    if not await worker.workflows():
        return
    peer, loaded = await worker.ready()
    peer.answer_with(lambda method, params: {"value": "recorded"})
    found = await peer.result("invoke", invocation(loaded, {"do": "step", "value": "done now"}))
    assert found["value"] == "recorded"
    [asked] = peer.asked
    assert asked["method"] == "context.workflow"
    assert (asked["params"]["call"]["op"], asked["params"]["call"]["name"]) == ("step", "work")


async def a_new_step_is_done_when_the_node_says_so(worker: Worker) -> None:
    if not await worker.workflows():
        return
    peer, loaded = await worker.ready()

    async def run(method: str, params: Message) -> Any:
        named = {"invocation": params["invocation"], "function": params["call"]["function"]}
        done = await peer.result("run", {**named, "arguments": []})
        return {"value": [done["value"]]}

    peer.answer_with(run)
    found = await peer.result("invoke", invocation(loaded, {"do": "step", "value": {"n": 7}}))
    assert found["value"] == [{"n": 7}]


async def a_step_that_fails_can_be_tried_again_and_fails_its_handler(worker: Worker) -> None:
    if not await worker.workflows():
        return
    peer, loaded = await worker.ready()
    failures: list[Message] = []

    async def run(method: str, params: Message) -> Any:
        assert params["call"]["retries"] == 2
        named = {"invocation": params["invocation"], "function": params["call"]["function"]}
        for _ in range(2):
            failures.append(await peer.error("run", {**named, "arguments": []}))
        return RuntimeError("failed for good")

    peer.answer_with(run)
    assert "message" in await peer.error("invoke", invocation(loaded, {"do": "step_fails"}))
    assert [(one["message"], one["data"]["code"]) for one in failures] == [
        ("bad thing", "handler.raised"),
        ("bad thing", "handler.raised"),
    ]
    assert (await peer.result("invoke", invocation(loaded, {"do": "echo", "value": 1})))["value"] == 1


async def a_handler_that_has_to_wait_is_suspended(worker: Worker) -> None:
    if not await worker.workflows():
        return
    peer, loaded = await worker.ready()
    peer.answer_with(lambda method, params: {"suspended": True})
    for what in ("nap", "wait", "call"):
        found = await peer.result("invoke", invocation(loaded, {"do": what, "value": 7}))
        assert found == {"outcome": "suspended"}, what
    nap, wait, _ = (asked["params"].get("call") for asked in peer.asked)
    assert nap == {"op": "sleep", "for_s": 3600}
    assert wait == {"op": "wait", "topic": "paid", "match": {"order": 7}, "timeout_s": 172_800}


async def a_handler_goes_on_where_its_wait_is_over(worker: Worker) -> None:
    if not await worker.workflows():
        return
    peer, loaded = await worker.ready()
    peer.answer_with(lambda method, params: {"value": {"order": 7, "by": "Ada"}})
    found = await peer.result("invoke", invocation(loaded, {"do": "wait", "value": 7}))
    assert found["value"] == {"order": 7, "by": "Ada"}
    peer.answer_with(lambda method, params: {"value": None})
    found = await peer.result("invoke", invocation(loaded, {"do": "nap"}))
    assert found["value"] == "awake"


async def a_person_is_asked_by_a_json_schema(worker: Worker) -> None:
    if not await worker.asks():
        return
    peer, loaded = await worker.ready()
    told: list[Any] = []

    async def ask(method: str, params: Message) -> Any:
        call = params["call"]
        assert call["op"] == "approval"
        assert (call["title"], call["expires_s"]) == ("Pay?", 172_800)
        assert call["schema"]["properties"]["approved"] == {"type": "boolean"}
        named = {"invocation": params["invocation"], "function": call["notify"]}
        told.append(await peer.result("run", {**named, "arguments": ["https://link"]}))
        return {"value": {"approved": True}}

    peer.answer_with(ask)
    found = await peer.result("invoke", invocation(loaded, {"do": "approval"}))
    assert found["value"] == {"approved": True}
    assert told == [{"value": "told https://link"}]
    peer.answer_with(lambda method, params: {"suspended": True})
    assert await peer.result("invoke", invocation(loaded, {"do": "approval"})) == {"outcome": "suspended"}


async def a_run_says_where_it_stands(worker: Worker) -> None:
    if not await worker.asks():
        return
    peer, loaded = await worker.ready()
    peer.answer_with(lambda method, params: {"value": None})
    await peer.result("invoke", invocation(loaded, {"do": "status", "value": {"at": "sea"}}))
    assert peer.asked[-1]["params"]["call"] == {"op": "status", "value": {"at": "sea"}}
    told = {"id": "r", "step": "S", "status": "suspended", "output": None, "error": None, "due_at_ms": 7}
    peer.answer_with(lambda method, params: {"run": {**told, "custom_status": {"at": "sea"}}})
    found = await peer.result("invoke", invocation(loaded, {"do": "run", "value": "r"}))
    assert found["value"] == ["suspended", {"at": "sea"}, 7]
    assert peer.asked[-1]["params"]["read"] == {"op": "run", "run_id": "r"}


async def garbage_costs_its_connection_and_no_other(worker: Worker) -> None:
    good, loaded = await worker.ready()
    for garbage in (b"hello\n", b"[]\n", b"\xff\xfe\n", b"x" * (int(LIMITS["frame_bytes"]) + 10) + b"\n"):
        bad = await worker.greeted()
        bad.send_raw(garbage)
        await bad.ended()
    assert (await good.result("invoke", invocation(loaded, {"do": "echo", "value": 1})))["value"] == 1


async def an_unknown_method_is_refused(worker: Worker) -> None:
    peer = await worker.greeted()
    assert (await peer.error("no_such_method", {}))["code"] == -32601
