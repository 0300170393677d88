"""`motia queue dead`, `redrive` and `purge` by cause, time and text, at a rate, tried out, edited."""

from __future__ import annotations

import json
import os
import types
from collections.abc import Callable
from typing import Any

import pytest

from motia.core.batch import Died, Enqueue, RegisterNode, Settle
from motia.core.flow import Flow
from motia.core.ids import format_id
from motia.core.message import NewMessage, QueueName, TraceContext
from motia.core.registry import build_registry
from motia.core.step import Source, Step
from motia.core.trigger import QueuePolicy, QueueTrigger
from motia.encoding import encode

NODE = b"n" * 16
BILL = QueueName("order.created", "bill")
GONE = QueueName("order.created", "gone")
# Queue, payload, message of the error, when it died.
LETTERS: tuple[tuple[QueueName, Any, str, int], ...] = (
    (BILL, {"n": 1}, "card 4711 refused", 1_000_000_000_000),
    (BILL, {"n": 2}, "card 4712 refused", 1_000_000_060_000),
    (BILL, {"n": "three"}, "no such customer", 1_000_000_120_000),
    (GONE, {"n": 4}, "card 4713 refused", 1_000_000_180_000),
)


def id_of(number: int) -> str:
    return format_id(number.to_bytes(16, "big"))


@pytest.fixture(autouse=True)
def dead_letters(store: Callable[..., Any], app_module: types.SimpleNamespace) -> None:
    """Three dead letters of `bill`, which takes numbers, and one of a step that is gone."""
    trigger = QueueTrigger(
        topic="order.created",
        schema={"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
        policy=QueuePolicy(priority="n"),
    )
    source = Source(path="steps/bill_step.py", line=1, language="python")
    app_module.found.registry = build_registry(
        [Step(name="bill", triggers=(trigger,), handler="bill", source=source)]
    )
    store([RegisterNode(NODE, os.getpid(), 1_000)])
    for number, (queue, payload, text, died_at_ms) in enumerate(LETTERS, 1):
        message = NewMessage(
            id=number.to_bytes(16, "big"),
            queue=queue,
            payload=encode(payload),
            trace=TraceContext("a" * 32, "b" * 16),
            enqueued_at_ms=1_000,
            claim_for=NODE,
            flow=Flow(bulk=b"u" * 16),
        )
        [claim] = store([Enqueue(message)])
        error = encode({"code": "handler.raised", "type": "Refused", "message": text})
        store([Settle(claim, Died("handler.raised", error, 5, died_at_ms))])


def test_letters_are_grouped_by_their_cause(motia: Callable[..., Any]) -> None:
    groups = motia("queue", "dead", "--grouped", "--json").json
    assert [(group["step"], group["count"], group["message"]) for group in groups] == [
        ("bill", 2, "card # refused"),
        ("gone", 1, "card # refused"),
        ("bill", 1, "no such customer"),
    ]
    assert (groups[0]["first_ms"], groups[0]["last_ms"]) == (LETTERS[0][3], LETTERS[1][3])
    table = motia("queue", "dead", "--grouped", "--step", "bill").out.splitlines()
    assert len(table) == 3
    assert table[1].split()[:5] == [groups[0]["cause"], "2", "order.created", "bill", "handler.raised"]
    of_cause = motia("queue", "dead", "--cause", groups[0]["cause"], "--json").json
    assert [letter["payload"]["n"] for letter in of_cause] == [2, 1]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--text", "CUSTOMER"), [3]),
        (("--since", "2001-09-09T01:47:40+00:00"), [4, 3, 2]),
        (("--until", "2001-09-09T01:47:40+00:00"), [1]),
        (("--since", "1h"), []),
        (("--code", "input.invalid"), []),
        (("--code", "handler.raised", "--step", "gone"), [4]),
        ((id_of(2), id_of(9)), [2]),
    ],
)
def test_letters_are_chosen(motia: Callable[..., Any], options: tuple[str, ...], expected: list[int]) -> None:
    found = motia("queue", "dead", *options, "--json").json
    assert [letter["id"] for letter in found] == [id_of(number) for number in expected]
    assert motia("queue", "redrive", "--all", *options, "--json").json == {"redriven": len(expected)}


@pytest.mark.parametrize("command", [("redrive",), ("purge", "--yes")])
def test_an_id_that_is_no_letter_is_told(motia: Callable[..., Any], command: tuple[str, ...]) -> None:
    found = motia("queue", *command, id_of(99))
    assert (found.code, found.out[:2]) == (1, "0 ")
    assert f"expected dead letters, got none of {id_of(99)}: `motia queue dead` lists those" in found.err
    assert motia("queue", *command, id_of(99), id_of(1), "--json").code == 0


def test_letters_are_sent_back_at_a_rate(motia: Callable[..., Any]) -> None:
    redriven = motia("queue", "redrive", "--all", "--rate", "120/minute")
    assert redriven.out == "4 redriven\n"
    assert "1 message of order.created → gone: no step of this project takes them any more" in redriven.err
    assert "bill" not in redriven.err
    items = motia("schedule", "list", "--json").json
    due = {item["id"]: item["due_at_ms"] for item in items if item["id"]}
    first = min(due.values())
    assert sorted(due_ms - first for due_ms in due.values()) == [0, 500, 1000, 1500]
    # Of one queue, the oldest first.
    assert due[id_of(1)] < due[id_of(2)] < due[id_of(3)]
    refused = motia("queue", "redrive", "--all", "--rate", "quickly")
    assert (refused.code, "10/s" in refused.err) == (2, True)


def test_a_dry_run_says_what_would_run_and_changes_nothing(motia: Callable[..., Any]) -> None:
    forecast = motia("queue", "redrive", "--all", "--dry-run", "--json").json
    assert (forecast["letters"], forecast["refused"]) == (4, 2)
    assert forecast["would_run"] == [{"topic": "order.created", "step": "bill", "count": 2}]
    assert {one["id"]: one["code"] for one in forecast["refusals"]} == {
        id_of(3): "input.invalid",
        id_of(4): "step.removed",
    }
    lines = motia("queue", "redrive", "--step", "bill", "--dry-run").out.splitlines()
    assert lines[0] == "order.created → bill: 2 would run"
    assert lines[-1] == "2 of 3 would run; nothing was changed"
    assert len(motia("queue", "dead", "--json").json) == 4


def test_an_edited_letter_goes_back_as_a_message_that_fits(
    motia: Callable[..., Any], store: Callable[..., Any]
) -> None:
    unfit = motia("queue", "redrive", id_of(3), "--edit", '{"n": "3"}')
    assert (unfit.code, "n" in unfit.err) == (2, True)
    assert len(motia("queue", "dead", "--json").json) == 4
    sent = motia("queue", "redrive", id_of(3), "--edit", '{"n": 3}', "--json").json
    assert sent["redriven"] == 1
    assert len(motia("queue", "dead", "--json").json) == 3
    again = motia("queue", "redrive", id_of(3), "--edit", '{"n": 3}')
    assert (again.code, "none of that id" in again.err) == (2, True)
    [claims] = store([claim_of_bill()])
    assert [(format_id(claim.id), json.loads(claim.payload)) for claim in claims] == [
        (sent["message_id"], {"n": 3})
    ]
    assert motia("queue", "redrive", "--all", "--edit", "{}").code == 2


def claim_of_bill() -> Any:
    from motia.core.batch import ClaimReady, WantedQueue

    return ClaimReady(node=NODE, wanted=[WantedQueue(BILL, 10)], max_bytes=1000)


def test_a_choice_is_purged(motia: Callable[..., Any]) -> None:
    assert motia("queue", "purge", "--text", "card", "--yes", "--json").json == {"purged": 3}
    assert [letter["id"] for letter in motia("queue", "dead", "--json").json] == [id_of(3)]
