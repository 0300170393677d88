"""Every form of schema validates, keeps unknown keys, and says what is wrong by path."""

from __future__ import annotations

import dataclasses
import json
from datetime import date, datetime
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, RootModel, SecretStr, computed_field
from pydantic.errors import PydanticInvalidForJsonSchema
from typing_extensions import TypedDict

from motia.encoding import decode
from motia.errors import DefinitionError, InputError
from motia.schemas import Schema, object_schema, output_schema, schema_of
from motia.schemas.problems import MAX_PROBLEMS, path_text
from motia.schemas.strings import typed_strings


class Item(BaseModel):
    sku: str
    quantity: int = Field(gt=0)


class Order(BaseModel):
    items: list[Item]
    note: str = "none"
    due: date | None = None


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str


ORDER_JSON = Order.model_json_schema()
TYPE_MAP = {"userId": str, "actions": list, "metadata": dict, "count": int | None}


def schema(source: Any) -> Schema:
    made = schema_of(source, "steps/a_step.py")
    assert made is not None
    return made


def problems(error: pytest.ExceptionInfo[InputError]) -> dict[str, str]:
    assert error.value.code == "input.invalid"
    assert error.value.http_status == 422
    return {item["path"]: item["message"] for item in error.value.details["errors"]}


def test_none_is_no_schema() -> None:
    assert schema_of(None) is None


def test_a_schema_is_itself() -> None:
    made = schema(Order)
    assert schema_of(made) is made


def test_a_schema_is_the_json_schema_and_keeps_its_source() -> None:
    made = schema(Order)
    assert made["properties"]["items"]["type"] == "array"
    assert made["required"] == ["items"]
    assert made.source is Order


@pytest.mark.parametrize("source", [Order, ORDER_JSON], ids=["model", "json schema"])
def test_errors_name_the_path(source: Any) -> None:
    with pytest.raises(InputError) as error:
        schema(source).validate({"items": [{"sku": "a", "quantity": 0}, {"quantity": 1}]})
    assert set(problems(error)) == {"items[0].quantity", "items[1].sku"}


@pytest.mark.parametrize("source", [Order, ORDER_JSON, {"items": list, "note": str | None}])
def test_malformed_json_is_a_400_and_not_a_422(source: Any) -> None:
    with pytest.raises(InputError) as error:
        schema(source).validate_json(b'{"items": [')
    assert (error.value.code, error.value.http_status) == ("json.malformed", 400)


@pytest.mark.parametrize("text", [b'{"items": [], "x": NaN}', b"[" * 80 + b"]" * 80])
def test_json_is_strict_for_models_too(text: bytes) -> None:
    with pytest.raises(InputError) as error:
        schema(Order).validate_json(text)
    assert error.value.code in ("json.malformed", "json.too_deep")


@pytest.mark.parametrize("at", range(4))
@pytest.mark.parametrize("number", ["18446744073709551616", "-9223372036854775809", "9" * 200])
def test_an_integer_that_would_be_rounded_is_refused_with_its_path(number: str, at: int) -> None:
    text = "[" + "{" + f'"{"k" * at}": [1.5, {number}]' + "}]"
    with pytest.raises(InputError) as error:
        decode(text.encode())
    assert (error.value.code, error.value.http_status) == ("json.integer_too_large", 400)
    assert [one["path"] for one in error.value.details["errors"]] == [f"[0].{'k' * at}[1]"]


def test_numbers_that_are_kept_are_not_refused() -> None:
    text = (
        b'{"most": 18446744073709551615, "least": -9223372036854775808, "real": 12345678901234567890.5,'
        b' "power": 12345678901234567890e3, "fraction": 0.12345678901234567890123,'
        b' "text": "98765432109876543210"}'
    )
    assert decode(text)["most"] == 2**64 - 1
    assert decode(text)["least"] == -(2**63)
    assert decode(text) == json.loads(text)


def test_a_model_fills_defaults_converts_and_keeps_unknown_keys() -> None:
    value = schema(Order).validate_json(
        b'{"items": [{"sku": "a", "quantity": "2", "colour": "red"}], "due": "2026-01-02", "extra": 1}'
    )
    assert value == {
        "items": [{"sku": "a", "quantity": 2, "colour": "red"}],
        "note": "none",
        "due": date(2026, 1, 2),
        "extra": 1,
    }


def test_a_model_that_forbids_unknown_keys_refuses_them() -> None:
    with pytest.raises(InputError) as error:
        schema(Closed).validate({"name": "a", "other": 1})
    assert set(problems(error)) == {"other"}


def test_a_json_schema_keeps_unknown_keys_unless_it_forbids_them() -> None:
    open_schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    assert schema(open_schema).validate({"a": 1, "b": 2}) == {"a": 1, "b": 2}
    with pytest.raises(InputError):
        schema({**open_schema, "additionalProperties": False}).validate({"a": 1, "b": 2})


def test_defaults_of_a_json_schema_are_applied_even_to_required_keys() -> None:
    made = schema(
        {
            "type": "object",
            "properties": {"role": {"default": "user"}, "tags": {"default": []}},
            "required": ["role"],
        }
    )
    given: dict[str, Any] = {}
    first = made.validate(given)
    assert first == {"role": "user", "tags": []}
    assert given == {}
    first["tags"].append("x")
    assert made.validate({})["tags"] == []


def test_aliases_keep_the_spelling_of_the_sender() -> None:
    class Aliased(BaseModel):
        model_config = ConfigDict(populate_by_name=True)
        user_id: int = Field(alias="userId")
        size: int = Field(default=3, alias="theSize")

    assert schema(Aliased).validate({"userId": "1"}) == {"userId": 1, "theSize": 3}
    assert schema(Aliased).validate({"user_id": "1"}) == {"user_id": 1, "theSize": 3}


def test_a_type_map_checks_types_and_none_means_optional() -> None:
    made = schema(TYPE_MAP)
    assert made["required"] == ["userId", "actions", "metadata"]
    value = made.validate({"userId": "u", "actions": ["a"], "metadata": {"k": 1}, "more": True})
    assert value == {"userId": "u", "actions": ["a"], "metadata": {"k": 1}, "more": True, "count": None}
    with pytest.raises(InputError) as error:
        made.validate({"userId": 5, "metadata": []})
    assert set(problems(error)) == {"userId", "actions", "metadata"}


def test_a_type_map_nests_and_may_hold_json_schemas() -> None:
    made = schema(
        {"user": {"name": str}, "tags": [int], "age": {"type": "integer", "minimum": 0}, "_id": str}
    )
    assert made.validate({"user": {"name": "a"}, "tags": ["1"], "age": 3, "_id": "x"})["tags"] == [1]
    with pytest.raises(InputError) as error:
        made.validate({"user": {}, "tags": ["x"], "age": -1, "_id": "x"})
    found = problems(error)
    assert set(found) == {"user", "tags[0]", "age"}
    assert found["user"].startswith("name: ")


def test_names_of_a_type_map_may_be_those_of_model_attributes() -> None:
    assert schema({"json": str, "schema": int, "copy": bool}).validate(
        {"json": "", "schema": 1, "copy": True}
    )


def test_types_of_all_kinds_are_schemas() -> None:
    class Point(TypedDict):
        x: int

    @dataclasses.dataclass
    class Size:
        width: int
        height: int = 2

    assert schema(Point).validate({"x": "1", "y": 2}) == {"x": 1, "y": 2}
    assert schema(Size).validate({"width": 1, "unit": "m"}) == {"width": 1, "height": 2, "unit": "m"}
    assert schema(list[Item]).validate_json(b'[{"sku": "a", "quantity": 1, "z": 0}]') == [
        {"sku": "a", "quantity": 1, "z": 0}
    ]
    assert schema(Literal["a", "b"]).validate("a") == "a"
    assert schema(RootModel[list[int]]).validate(["1"]) == [1]
    assert schema(Any).validate([1]) == [1]


def test_a_bare_property_map_is_an_object() -> None:
    made = schema({"name": {"type": "string"}, "type": {"type": "string"}})
    assert made["type"] == "object"
    with pytest.raises(InputError):
        made.validate({"name": 1})


@pytest.mark.parametrize(
    ("source", "good", "bad"),
    [
        ({"type": "array", "items": {"type": "integer"}}, [1], ["a"]),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, None, 1),
        ({"$ref": "#/$defs/A", "$defs": {"A": {"type": "integer"}}}, 1, "a"),
        ({}, object, None),
        ({"properties": {"a": {"type": "string"}}}, {"a": ""}, {"a": 1}),
    ],
)
def test_a_json_schema_may_have_any_root(source: Any, good: Any, bad: Any) -> None:
    made = schema(source)
    if source:
        assert made.validate(good) == good
        with pytest.raises(InputError):
            made.validate(bad)
    else:
        assert made.validate([1]) == [1]


@pytest.mark.parametrize("source", [{"type": "strin"}, {"a": 1}, 5, "text", {"a": str, "b": "int"}])
def test_what_is_no_schema_is_refused_with_the_file(source: Any) -> None:
    if source == {"a": 1}:
        # An unknown keyword is allowed in JSON Schema.
        assert schema(source) == source
        return
    with pytest.raises(DefinitionError) as error:
        schema(source)
    assert error.value.code == "schema.invalid"
    assert error.value.path == "steps/a_step.py"


def test_a_type_that_json_cannot_carry_is_refused() -> None:
    with pytest.raises(DefinitionError, match="JSON can carry"):
        schema(type("Connection", (), {}))


class Opaque:
    pass


class Holder(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    inner: list[Opaque]


class Odd(BaseModel):
    name: str

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: Any) -> dict[str, Any]:
        raise PydanticInvalidForJsonSchema("odd")


@pytest.mark.parametrize("source", [Holder, list[Holder], Odd, dict[str, Odd], {"odd": Odd}])
def test_a_model_that_json_cannot_carry_is_refused_where_it_is_declared(source: Any) -> None:
    with pytest.raises(DefinitionError, match="JSON can carry"):
        schema(source)


class Node(BaseModel):
    children: list[Node] = []
    label: Annotated[str, Field(min_length=1)] = "x"


@pytest.mark.parametrize("source", [Order, Node, dict[str, int | None], TYPE_MAP, Literal["a"]])
def test_the_json_schema_of_a_type_is_made_when_first_read(
    source: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as forbidden:
        forbidden.setattr("pydantic.json_schema.GenerateJsonSchema.generate", None)
        made = schema(source)
        assert made
    assert made.json_schema is made.json_schema
    assert dict(made) == made.json_schema


def test_a_reference_to_the_network_is_never_followed() -> None:
    with pytest.raises(DefinitionError, match=r"127\.0\.0\.1"):
        schema({"$ref": "http://127.0.0.1:9/schema"})


def test_refused_values_are_not_told() -> None:
    for source in (
        {"type": "object", "properties": {"password": {"type": "integer"}}},
        {"password": int},
    ):
        with pytest.raises(InputError) as error:
            schema(source).validate({"password": "hunter2"})
        assert "hunter2" not in str(error.value) + repr(error.value.details)


def test_a_secret_stays_one() -> None:
    class Login(BaseModel):
        password: SecretStr

    value = schema(Login).validate({"password": "hunter2"})
    assert value["password"].get_secret_value() == "hunter2"
    assert "hunter2" not in repr(value)


def test_a_hostile_body_gets_a_short_answer() -> None:
    with pytest.raises(InputError) as error:
        schema(list[int]).validate(["x"] * 1000)
    assert len(error.value.details["errors"]) == MAX_PROBLEMS


def test_paths_read_as_people_write_them() -> None:
    assert path_text(()) == ""
    assert path_text(("items", 0, "price", "amount")) == "items[0].price.amount"
    assert path_text((2, "a")) == "[2].a"


def test_an_object_schema_leaves_optional_keys_out() -> None:
    made = object_schema({"page": int, "q": str | None}, optional=frozenset({"page", "q"}))
    assert made.validate({}) == {}
    assert made.get("required", []) == []


def test_an_output_schema_is_that_of_what_is_written() -> None:
    class Made(BaseModel):
        at: datetime

        @computed_field
        def year(self) -> int:
            return self.at.year

    assert set(output_schema(Made)["required"]) == {"at", "year"}
    assert output_schema(Made).from_hints
    assert output_schema(type("Connection", (), {})) == {}


def test_texts_become_what_the_schema_names() -> None:
    source = {
        "properties": {
            "page": {"type": "integer"},
            "ratio": {"type": ["number", "null"]},
            "all": {"type": "boolean"},
            "ids": {"type": "array", "items": {"type": "integer"}},
            "name": {"type": "string"},
            "either": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        }
    }
    values = {"page": "2", "ratio": "1.5", "all": "true", "ids": "3", "name": "7", "either": "4", "x": "5"}
    assert typed_strings(values, source) == {
        "page": 2,
        "ratio": 1.5,
        "all": True,
        "ids": [3],
        "name": "7",
        "either": 4,
        "x": "5",
    }
    assert typed_strings({"page": "two", "all": "maybe"}, source) == {"page": "two", "all": "maybe"}
