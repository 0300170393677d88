from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
from pydantic import BaseModel

from motia.core.registry import build_registry
from motia.core.step import Source, Step
from motia.core.trigger import HttpTrigger, QueryParameter, QueueTrigger
from motia.http.docs import CONTENT_SECURITY_POLICY, docs_page, docs_response
from motia.http.openapi import openapi

SOURCE = Source(path="steps/a_step.py", line=1)


class Line(BaseModel):
    sku: str
    children: list[Line] = []


class Order(BaseModel):
    lines: list[Line]


def step(name: str, *triggers: HttpTrigger | QueueTrigger, **more: Any) -> Step:
    return Step(name=name, source=SOURCE, triggers=triggers, handler=name, **more)


def document_of(*steps: Step) -> dict[str, Any]:
    document = openapi(build_registry(steps), title="Shop", version="1.2.3")
    json.dumps(document)
    check(document)
    return document


def check(document: dict[str, Any]) -> None:
    """What a validator of OpenAPI 3.1 would refuse."""
    assert document["openapi"] == "3.1.0"
    assert {"title", "version"} <= document["info"].keys()
    ids: list[str] = []
    for path, item in document["paths"].items():
        assert path.startswith("/")
        names = {part[1:-1] for part in path.split("/") if part.startswith("{")}
        for method, operation in item.items():
            assert method in {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
            ids.append(operation["operationId"])
            parameters = operation.get("parameters", [])
            assert {each["name"] for each in parameters if each["in"] == "path"} == names
            assert all(each["required"] is True for each in parameters if each["in"] == "path")
            keys = [(each["name"], each["in"]) for each in parameters]
            assert len(keys) == len(set(keys))
            assert operation["responses"]
            for response in operation["responses"].values():
                assert isinstance(response["description"], str)
            for entry in operation.get("security", []):
                assert entry.keys() <= document["components"]["securitySchemes"].keys()
    assert len(ids) == len(set(ids))
    for reference in references(document):
        node: Any = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part.replace("~1", "/").replace("~0", "~")]
    for schema in document.get("components", {}).get("schemas", {}).values():
        jsonschema_rs.meta.validate(schema)


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            assert node["$ref"].startswith("#/components/")
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_an_operation() -> None:
    trigger = HttpTrigger(
        method="POST",
        path="/orders/:id/lines/*rest",
        body_schema=Order.model_json_schema(),
        query_schema={
            "type": "object",
            "properties": {"limit": {"type": "integer", "description": "how many"}, "q": {"type": "string"}},
            "required": ["limit"],
        },
        params_schema={"type": "object", "properties": {"id": {"type": "integer"}}},
        response_schemas={201: Order.model_json_schema(), 204: {}},
        query_parameters=(QueryParameter(name="q", description="text"), QueryParameter(name="page")),
        auth="f1",
        security={"bearer": {"type": "http", "scheme": "bearer"}},
    )
    document = document_of(step("CreateOrder", trigger, description="Makes one.", flows=("orders",)))
    operation = document["paths"]["/orders/{id}/lines/{rest}"]["post"]
    assert operation["operationId"] == "CreateOrder"
    assert operation["description"] == "Makes one."
    assert operation["tags"] == ["orders"]
    assert document["tags"] == [{"name": "orders"}]
    assert operation["parameters"] == [
        {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}},
        {"name": "rest", "in": "path", "required": True, "schema": {"type": "string"}},
        {
            "name": "limit",
            "in": "query",
            "required": True,
            "description": "how many",
            "schema": {"type": "integer", "description": "how many"},
        },
        {"name": "q", "in": "query", "required": False, "schema": {"type": "string"}, "description": "text"},
        {"name": "page", "in": "query", "schema": {"type": "string"}},
    ]
    assert operation["requestBody"]["required"] is False
    assert set(operation["responses"]) == {"201", "204", "400", "401", "403", "422", "default"}
    assert "content" not in operation["responses"]["204"]
    problem = operation["responses"]["422"]["content"]["application/problem+json"]["schema"]
    assert problem == {"$ref": "#/components/schemas/Problem"}
    assert operation["security"] == [{"bearer": []}]
    assert document["components"]["securitySchemes"] == {"bearer": {"type": "http", "scheme": "bearer"}}
    assert set(document["components"]["schemas"]) == {"Line", "Problem"}


def test_a_step_without_schemas() -> None:
    document = document_of(
        step("Ping", HttpTrigger(method="GET", path="/")), step("Work", QueueTrigger(topic="t"))
    )
    assert document["paths"].keys() == {"/"}
    assert set(document["paths"]["/"]["get"]["responses"]) == {"200", "default"}
    assert document_of()["paths"] == {}


def test_schemas_are_not_changed() -> None:
    schema = Order.model_json_schema()
    before = copy.deepcopy(schema)
    document = document_of(step("A", HttpTrigger(method="POST", path="/", body_schema=schema)))
    document["paths"]["/"]["post"]["requestBody"]["content"]["application/json"]["schema"][
        "properties"
    ].clear()
    assert schema == before


def test_same_name_other_content_gets_a_number() -> None:
    def body(kind: str) -> dict[str, Any]:
        return {
            "$defs": {"Item": {"type": kind}, "Box": {"properties": {"of": {"$ref": "#/$defs/Item"}}}},
            "$ref": "#/$defs/Box",
        }

    triggers = [
        HttpTrigger(method="POST", path=f"/{i}", body_schema=body(k))
        for i, k in enumerate(("string", "integer", "string"))
    ]
    schemas = document_of(step("A", *triggers))["components"]["schemas"]
    assert schemas["Box"] == {"properties": {"of": {"$ref": "#/components/schemas/Item"}}}
    assert schemas["Box_2"] == {"properties": {"of": {"$ref": "#/components/schemas/Item_2"}}}
    assert (schemas["Item"], schemas["Item_2"]) == ({"type": "string"}, {"type": "integer"})
    assert set(schemas) == {"Box", "Box_2", "Item", "Item_2", "Problem"}


def test_a_schema_that_refers_to_itself_becomes_a_component() -> None:
    tree = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"next": {"$ref": "#"}, "twin": {"$ref": "#/properties/next"}},
    }
    document = document_of(step("My tree", HttpTrigger(method="POST", path="/", body_schema=tree)))
    assert document["components"]["schemas"]["My_tree.body"] == {
        "type": "object",
        "properties": {
            "next": {"$ref": "#/components/schemas/My_tree.body"},
            "twin": {"$ref": "#/components/schemas/My_tree.body/properties/next"},
        },
    }


def test_draft_7_definitions_and_odd_names() -> None:
    schema = {
        "definitions": {"Page[Item]": {"type": "object", "properties": {"$ref": {"type": "string"}}}},
        "properties": {"p": {"$ref": "#/definitions/Page%5BItem%5D"}, "default": {"type": "string"}},
        "default": {"$ref": "#/definitions/none"},
    }
    document = openapi(
        build_registry([step("A", HttpTrigger(method="POST", path="/", body_schema=schema))]),
        title="t",
        version="1",
    )
    placed = document["paths"]["/"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert placed["properties"]["p"] == {"$ref": "#/components/schemas/Page_Item_"}
    assert placed["default"] == {"$ref": "#/definitions/none"}
    assert document["components"]["schemas"]["Page_Item_"]["properties"] == {"$ref": {"type": "string"}}


def test_a_root_reference_gives_query_parameters_and_others_one_object() -> None:
    referred = {
        "$defs": {"Q": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}},
        "$ref": "#/$defs/Q",
    }
    either = {"anyOf": [{"type": "object"}, {"type": "object", "maxProperties": 1}]}
    document = document_of(
        step("A", HttpTrigger(method="GET", path="/a", query_schema=referred)),
        step("B", HttpTrigger(method="GET", path="/b", query_schema=either)),
    )
    parameter = document["paths"]["/a"]["get"]["parameters"][0]
    assert parameter == {"name": "a", "in": "query", "required": True, "schema": {"type": "string"}}
    assert document["paths"]["/b"]["get"]["parameters"][0]["style"] == "form"


def test_paths_of_one_shape_are_one_path() -> None:
    document = document_of(
        step("Get", HttpTrigger(method="GET", path="/users/:id")),
        step(
            "Put", HttpTrigger(method="PUT", path="/users/:userId"), HttpTrigger(method="POST", path="/users")
        ),
    )
    assert document["paths"]["/users/{id}"].keys() == {"get", "put"}
    assert document["paths"]["/users"]["post"]["operationId"] == "Put_2"


def test_security_schemes_of_one_name() -> None:
    def trigger(path: str, scheme: dict[str, str]) -> HttpTrigger:
        return HttpTrigger(method="GET", path=path, auth="f", security={"custom": scheme})

    document = document_of(
        step("A", trigger("/a", {"type": "http", "scheme": "basic"}), trigger("/b", {"type": "mutualTLS"}))
    )
    assert document["paths"]["/b"]["get"]["security"] == [{"custom_2": []}]


def test_docs_page_needs_no_network_and_runs_nothing() -> None:
    trigger = HttpTrigger(method="POST", path="/orders/:id", body_schema=Order.model_json_schema())
    document = document_of(step("<script>alert(1)</script>", trigger, flows=('"><b>',)))
    page = docs_page(document, "/openapi.json?a&b").decode()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "/orders/{id}" in page
    assert 'href="/openapi.json?a&amp;b"' in page
    assert "src=" not in page
    assert "http://" not in page
    assert "style=" not in page
    response = docs_response(document, "/openapi.json")
    assert dict(response.headers)[b"content-security-policy"] == CONTENT_SECURITY_POLICY.encode()
    assert "default-src 'none'; style-src 'sha256-" in CONTENT_SECURITY_POLICY
    assert "No step has an HTTP trigger yet" in docs_page(document_of(), "/openapi.json").decode()
