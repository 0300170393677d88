from __future__ import annotations

from typing import Any

import pytest

from motia.core.step import Emission, Source, Step
from motia.core.trigger import QueueTrigger
from motia.discovery.agreement import disagreement
from motia.discovery.checks import check_project


def of(required: tuple[str, ...] = ("total",), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


NUMBER, TEXT = {"type": "number"}, {"type": "string"}


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        (TEXT, NUMBER, "$: string here, number there"),
        (of(total=TEXT), of(total=NUMBER), "$.total: string here, number there"),
        (of((), total=TEXT), of(total=NUMBER), "$.total: string here, number there"),
        (of(total=of(sum=NUMBER)), of(total={"type": "array"}), "$.total: object here, array there"),
        (
            of(total=of(("sum",), sum=NUMBER)),
            of(total=of(("sum",), sum=TEXT)),
            "$.total.sum: number here, string there",
        ),
        (of(total={"enum": ["a", "b"]}), of(total={"const": "c"}), "$.total: 'a'/'b' here, 'c' there"),
        (
            {**of(total=TEXT), "additionalProperties": False},
            of(("total", "id"), total=TEXT, id=TEXT),
            "$.id: refused here, required there",
        ),
        (
            of(("total", "id"), total=TEXT, id=TEXT),
            {**of(total=TEXT), "additionalProperties": False},
            "$.id: required here, refused there",
        ),
        (
            {"$defs": {"T": TEXT}, **of(total={"$ref": "#/$defs/T"})},
            of(total=NUMBER),
            "$.total: string here, number there",
        ),
    ],
)
def test_no_message_fits_both(one: dict[str, Any], other: dict[str, Any], reason: str) -> None:
    assert disagreement(one, other) == reason


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, TEXT),
        (of(total=NUMBER), of(total={"type": "integer"})),
        (of((), total=TEXT), of((), total=NUMBER)),  # a message without a total fits both
        (of(total=TEXT), of(("id",), id=NUMBER)),
        (of(total={"type": ["string", "null"]}), of(total={"type": ["number", "null"]})),
        (of(total={"anyOf": [TEXT, NUMBER]}), of(total=NUMBER)),
        (of(total={"$ref": "elsewhere.json"}), of(total=NUMBER)),
        (
            {**of(total=TEXT), "additionalProperties": False, "patternProperties": {"^id": TEXT}},
            of(("id",), id=TEXT),
        ),
    ],
)
def test_what_is_not_certain_is_not_said(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert disagreement(one, other) is None
    assert disagreement(other, one) is None


def test_a_schema_that_holds_itself_ends() -> None:
    tree: dict[str, Any] = of(("next",), next={"$ref": "#"})
    assert disagreement(tree, tree) is None


def test_both_places_and_the_senders_are_named() -> None:
    def step(name: str, file: str, **keywords: Any) -> Step:
        return Step(name=name, source=Source(path=file, line=3), handler="h", **keywords)

    pay = step("Pay", "steps/pay.step.ts", triggers=(QueueTrigger(topic="order", schema=of(total=NUMBER)),))
    mail = step("Mail", "steps/mail_step.py", triggers=(QueueTrigger(topic="order", schema=of(total=TEXT)),))
    send = step("Send", "steps/send.step.rb", triggers=(), emissions=(Emission(topic="order"),))
    [notice] = check_project([pay, mail, send], []).notices
    assert (notice.path, notice.line) == ("steps/mail_step.py", 3)
    assert "steps/pay.step.ts:3" in notice.message
    assert "$.total: string here, number there" in notice.message
    assert "steps/send.step.rb:3" in notice.hint
