from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from motia.core.step import Emission, Source, Step
from motia.core.trigger import QueueTrigger
from motia.discovery.agreement import disagreement
from motia.discovery.checks import check_project


def of(required: tuple[str, ...] = ("total",), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


NUMBER, TEXT = {"type": "number"}, {"type": "string"}
ALL = ", and so on in all alternatives"
EITHER = {"anyOf": [TEXT, {"type": "null"}]}


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
        (
            of(total=EITHER),
            of(total=NUMBER),
            f"$.total: string here, number there{ALL}",
        ),
        (of(total=NUMBER), of(total={"anyOf": [TEXT]}), "$.total: number here, string there"),
        (
            {"oneOf": [of(("kind",), kind={"const": "card"}), of(("kind",), kind={"const": "cash"})]},
            {"anyOf": [of(("kind",), kind={"const": "coin"}), of(("kind",), kind={"const": "bond"})]},
            f"$.kind: 'card' here, 'coin' there{ALL}",
        ),
        ({"allOf": [{}, of(total=TEXT)]}, of(total=NUMBER), "$.total: string here, number there"),
        (
            of(total={"type": "array", "items": TEXT, "minItems": 1}),
            of(total={"type": "array", "items": of(id=TEXT)}),
            "$.total[0]: string here, object there",
        ),
        (
            of(total={"type": "array", "prefixItems": [TEXT, TEXT], "minItems": 2}),
            of(total={"type": "array", "prefixItems": [TEXT], "items": NUMBER}),
            "$.total[1]: string here, number there",
        ),
        (of(total=TEXT), of(total={"enum": [1, 2]}), "$.total: string here, 1/2 there"),
        (
            of(total={**NUMBER, "minimum": 10}),
            of(total={"type": "integer", "exclusiveMaximum": 10}),
            "$.total: minimum 10 here, exclusiveMaximum 10 there",
        ),
        (
            of(total={**TEXT, "maxLength": 3}),
            of(total={**TEXT, "minLength": 5}),
            "$.total: at most 3 characters here, at least 5 there",
        ),
        (
            of(total={"type": "array", "minItems": 1, "items": False}),
            of(total={"type": "array"}),
            "$.total[0]: nothing fits here",
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
        (of(total=EITHER), of(total={"oneOf": [NUMBER, {"type": "null"}]})),
        (
            of(total={"type": "array", "items": TEXT}),
            of(total={"type": "array", "items": NUMBER}),
        ),  # an empty list
        (of(total={"not": TEXT}), of(total=NUMBER)),
        (of(total={**NUMBER, "minimum": 3}), of(total={**NUMBER, "maximum": 3})),
        (of(total={"minimum": 3}), of(total={"maximum": 2})),  # a text has no size
        (of(total={"type": "integer"}), of(total={"const": 2.0})),
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


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 2.0, "", "a", "bc"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
KINDS = ("null", "boolean", "integer", "number", "string", "array", "object")


@st.composite
def schemas(draw: st.DrawFn, value: Any, depth: int = 2) -> Any:
    """A schema that was made to take `value`, mostly: whether it does is asked of the validator."""
    form = draw(st.sampled_from(["typed", "typed", "typed", "values", "any", "one", "all", "ref", "wild"]))
    if depth == 0 or form == "wild":
        return draw(st.sampled_from([True, {}, {"type": draw(st.sampled_from(KINDS))}, {"minimum": 1}]))
    inner = schemas(value, depth - 1)
    if form == "values":
        found = draw(st.lists(VALUES, max_size=2))
        return {"enum": [*found, value]} if found else {"const": value}
    if form in ("any", "one", "all"):
        branches = [draw(inner)]
        for _ in range(draw(st.integers(0, 2))):
            branches.append(draw(schemas(draw(VALUES), depth - 1)))
        beside = draw(_typed(value, depth)) if draw(st.booleans()) else {}
        return {f"{form}Of": draw(st.permutations(branches)), **beside}
    if form == "ref":
        return {"$ref": "#/$defs/it", "$defs": {"it": draw(inner)}} if depth == 2 else draw(inner)
    return draw(_typed(value, depth))


@st.composite
def _typed(draw: st.DrawFn, value: Any, depth: int) -> Any:
    kinds = {kind for kind in KINDS if jsonschema_rs.is_valid({"type": kind}, value)}
    kind = draw(st.sampled_from(sorted(kinds)))
    schema: dict[str, Any] = {
        "type": draw(st.sampled_from([kind, sorted({kind, "null"}), sorted({kind, "string"})]))
    }
    if isinstance(value, dict):
        known = draw(st.sets(st.sampled_from("abcd"), max_size=3))
        schema["properties"] = {name: draw(schemas(value.get(name, 1), depth - 1)) for name in sorted(known)}
        schema["required"] = draw(st.lists(st.sampled_from(sorted(value) or ["a"]), unique=True))
        if draw(st.booleans()):
            schema["additionalProperties"] = draw(st.sampled_from([True, False, {"type": "string"}]))
    elif isinstance(value, list):
        item = value[-1] if value else 1
        schema["minItems"] = draw(st.integers(0, len(value)))
        schema["items"] = draw(schemas(item, depth - 1))
        schema["prefixItems"] = [
            draw(schemas(one, depth - 1)) for one in value[: draw(st.integers(1, 2))]
        ] or [True]
    elif isinstance(value, int | float):
        schema[draw(st.sampled_from(["minimum", "exclusiveMinimum"]))] = value - draw(st.integers(0, 1))
        schema[draw(st.sampled_from(["maximum", "exclusiveMaximum"]))] = value + draw(st.integers(0, 1))
    elif isinstance(value, str):
        schema["minLength"], schema["maxLength"] = draw(st.integers(0, 2)), draw(st.integers(0, 2))
    return schema


@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_schemas_that_share_a_value_never_disagree(data: st.DataObject) -> None:
    value = data.draw(VALUES)
    one, other = data.draw(schemas(value)), data.draw(schemas(value))
    reason = disagreement(one, other)
    if reason is not None:
        fits = [jsonschema_rs.is_valid(schema, value) for schema in (one, other)]
        assert fits != [True, True], (reason, value)
    assert (disagreement(other, one) is None) == (reason is None)
