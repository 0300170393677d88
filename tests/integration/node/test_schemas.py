"""Zod 3 and 4 and Standard Schema: enforced on the input side, and documented as JSON Schema."""

from __future__ import annotations

import pytest
from node_worker import NodeWorker

CONFIG = "export const config = { type: 'event', name: 'S', subscribes: ['s'], input: schema }\n"
HANDLER = "export const handler = async (input) => input\n"
PARSE = {"input": "steps/s.step.ts#config.input"}


def parse(worker: NodeWorker, head: str, value: object) -> dict[str, object]:
    worker.load_one("steps/s.step.ts", f"{head}\n{CONFIG}{HANDLER}")
    return worker.invoke("steps/s.step.ts#handler", input=value, parse=PARSE)  # type: ignore[no-any-return]  # JSON


@pytest.mark.parametrize("package", ["zod", "zod-3"])
def test_parsed_values_are_laid_over_the_raw_ones(worker: NodeWorker, package: str) -> None:
    head = f"""
import {{ z }} from '{package}'
const schema = z.object({{
  name: z.string().trim(),
  role: z.enum(['user', 'admin']).default('user'),
  at: z.string().transform((text) => text.length),
  items: z.array(z.object({{ id: z.number(), n: z.number().default(1) }})),
}})"""
    value = {"name": " Ann ", "at": "1234", "items": [{"id": 1, "kept": True}], "more": {"kept": 1}}
    result = parse(worker, head, value)["result"]
    assert result == {
        "value": {
            "name": "Ann",
            "role": "user",
            "at": 4,
            "items": [{"id": 1, "n": 1, "kept": True}],
            "more": {"kept": 1},
        }
    }


@pytest.mark.parametrize("package", ["zod", "zod-3"])
def test_refusals_name_every_path(worker: NodeWorker, package: str) -> None:
    head = f"""
import {{ z }} from '{package}'
const schema = z.object({{ name: z.string(), items: z.array(z.object({{ id: z.number() }})) }}).strict()"""
    error = parse(worker, head, {"items": [{"id": 1}, {"id": "x"}], "extra": 1})["error"]
    assert error["data"]["code"] == "input.invalid"  # type: ignore[index]  # JSON
    paths = [item["path"] for item in error["data"]["errors"]]  # type: ignore[index]  # JSON
    assert sorted(paths) == ["", "items[1].id", "name"]


@pytest.mark.parametrize("package", ["zod", "zod-3"])
def test_the_input_side_as_json_schema(worker: NodeWorker, package: str) -> None:
    loaded = worker.load_one(
        "steps/s.step.ts",
        f"""
import {{ z }} from '{package}'
enum Size {{ Small = 's', Large = 'l' }}
const schema = z.object({{
  name: z.string().min(2).describe('who'),
  age: z.number().int().min(0).optional(),
  role: z.enum(['user', 'admin']).default('user'),
  tags: z.array(z.string()).nullable(),
  size: z.nativeEnum(Size).optional(),
  at: z.string().transform(Number),
  when: z.date().optional(),
}})
{CONFIG}{HANDLER}""",
    )
    schema = loaded["definitions"][0]["config"]["input"]
    properties = schema["properties"]
    assert schema["type"] == "object"
    assert schema["x-motia-parse"] == PARSE["input"]
    assert sorted(schema["required"]) == ["at", "name", "tags"]
    assert properties["name"] == {"type": "string", "minLength": 2, "description": "who"}
    assert (properties["age"]["type"], properties["age"]["minimum"]) == ("integer", 0)
    assert properties["role"]["default"] == "user"
    assert {"type": "null"} in properties["tags"]["anyOf"]
    assert properties["size"]["enum"] == ["s", "l"]
    assert properties["at"]["type"] == "string"


def test_a_standard_schema(worker: NodeWorker) -> None:
    head = """
import * as v from 'valibot'
const schema = v.object({ n: v.pipe(v.string(), v.transform(Number)), size: v.optional(v.string(), 'M') })"""
    assert parse(worker, head, {"n": "4", "kept": 1})["result"] == {"value": {"n": 4, "size": "M", "kept": 1}}
    error = worker.invoke("steps/s.step.ts#handler", input={"n": 4}, parse=PARSE)["error"]
    assert error["data"]["errors"][0]["path"] == "n"


def test_refinements_that_await(worker: NodeWorker) -> None:
    head = """
import { z } from 'zod'
const schema = z.object({ id: z.string() }).refine(async ({ id }) => id !== 'taken', { path: ['id'] })"""
    assert parse(worker, head, {"id": "free"})["result"] == {"value": {"id": "free"}}
    error = worker.invoke("steps/s.step.ts#handler", input={"id": "taken"}, parse=PARSE)["error"]
    assert error["data"]["errors"][0]["path"] == "id"


def test_plain_json_schema_is_left_to_the_node(worker: NodeWorker) -> None:
    schema = "{ type: 'object', properties: { a: { type: 'string' } } }"
    loaded = worker.load_one("steps/s.step.ts", f"const schema = {schema}\n{CONFIG}{HANDLER}")
    assert loaded["definitions"][0]["config"]["input"] == {
        "type": "object",
        "properties": {"a": {"type": "string"}},
    }


def test_texts_of_a_query_are_read_as_their_schema_says(worker: NodeWorker) -> None:
    worker.load_one(
        "steps/q.step.ts",
        """
import { api } from 'motia'
import { z } from 'zod'
const query = z.object({ page: z.number().default(1), tags: z.array(z.string()).optional(), all: z.boolean() })
export default api({ id: 'q', method: 'GET', path: '/q/:id', schema: { query, params: z.object({ id: z.number() }) } },
  async ({ query, params }) => ({ query, params }))
""",
    )
    at = "steps/q.step.ts#default.config.schema"
    answer = worker.invoke(
        "steps/q.step.ts#default",
        trigger="http",
        dialect="function",
        parse={"query": f"{at}.query", "params": f"{at}.params"},
        request={"query_params": {"page": "3", "tags": "a", "all": "true"}, "path_params": {"id": "7"}},
    )
    assert answer["result"]["value"] == {
        "query": {"page": 3, "tags": ["a"], "all": True},
        "params": {"id": 7},
    }
