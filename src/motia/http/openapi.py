"""The OpenAPI 3.1 document of a project's HTTP triggers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from motia.core.registry import Registry
from motia.core.step import Step
from motia.core.trigger import HttpTrigger
from motia.http.problem import phrase
from motia.http.router import pattern_segments
from motia.http.schema_components import SchemaComponents

_PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "trace_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["path", "message"],
                "properties": {"path": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}


def openapi(registry: Registry, *, title: str, version: str) -> dict[str, Any]:
    """The document, in the order of steps and triggers. The registry's schemas are read, never changed."""
    document = _Document()
    for step in registry.steps.values():
        for trigger in step.triggers:
            if isinstance(trigger, HttpTrigger):
                document.add(step, trigger)
    flows = sorted({flow for step in registry.steps.values() for flow in step.flows} & document.tags)
    components: dict[str, Any] = {}
    if document.schemas.schemas:
        components["schemas"] = document.schemas.schemas
    if document.security_schemes:
        components["securitySchemes"] = document.security_schemes
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": document.paths,
        **({"components": components} if components else {}),
        **({"tags": [{"name": flow} for flow in flows]} if flows else {}),
    }


class _Document:
    """The parts that grow while operations are added."""

    def __init__(self) -> None:
        self.paths: dict[str, dict[str, Any]] = {}
        self.schemas = SchemaComponents()
        self.security_schemes: dict[str, Any] = {}
        self.tags: set[str] = set()
        self._path_of_shape: dict[tuple[str | None, ...], tuple[str, list[str]]] = {}
        self._operation_ids: set[str] = set()

    def add(self, step: Step, trigger: HttpTrigger) -> None:
        path, own_names, names = self._path(trigger.path)
        operation: dict[str, Any] = {
            "operationId": self._operation_id(step.name),
            "summary": step.name,
            **({"description": step.description} if step.description else {}),
            **({"tags": list(step.flows)} if step.flows else {}),
        }
        self.tags.update(step.flows)
        parameters = self._path_parameters(trigger, step.name, own_names, names)
        parameters += self._query_parameters(trigger, step.name)
        if parameters:
            operation["parameters"] = parameters
        if trigger.body_schema is not None:
            operation["requestBody"] = {
                # A request without a body skips the schema, unless a parameter of the handler needs it.
                "required": bool(getattr(trigger.body_schema, "is_required", False)),
                "content": self._json(trigger.body_schema, f"{step.name}.body"),
            }
        operation["responses"] = self._responses(trigger, step.name)
        if trigger.security:
            operation["security"] = [
                {self._security(name, scheme): []} for name, scheme in trigger.security.items()
            ]
        self.paths.setdefault(path, {})[trigger.method.lower()] = operation

    def _path(self, pattern: str) -> tuple[str, list[str], list[str]]:
        segments = pattern_segments(pattern)
        own_names = [text for kind, text in segments if kind != "static"]
        # Templates that differ only in names are one path to OpenAPI: the first one names the parameters.
        shape = tuple(text if kind == "static" else None for kind, text in segments)
        if shape not in self._path_of_shape:
            parts = (text if kind == "static" else f"{{{text}}}" for kind, text in segments)
            self._path_of_shape[shape] = "/" + "/".join(parts), own_names
        path, names = self._path_of_shape[shape]
        return path, own_names, names

    def _operation_id(self, name: str) -> str:
        free, number = name, 1
        while free in self._operation_ids:
            number += 1
            free = f"{name}_{number}"
        self._operation_ids.add(free)
        return free

    def _path_parameters(
        self, trigger: HttpTrigger, step_name: str, own_names: list[str], names: list[str]
    ) -> list[dict[str, Any]]:
        properties, _ = self._properties(trigger.params_schema, f"{step_name}.params")
        return [
            {
                "name": name,
                "in": "path",
                "required": True,
                **_described(properties.get(own, {"type": "string"})),
            }
            for own, name in zip(own_names, names, strict=True)
        ]

    def _query_parameters(self, trigger: HttpTrigger, step_name: str) -> list[dict[str, Any]]:
        properties, required = self._properties(trigger.query_schema, f"{step_name}.query")
        parameters = [
            {"name": name, "in": "query", "required": name in required, **_described(schema)}
            for name, schema in properties.items()
        ]
        if trigger.query_schema and not properties:
            # A schema without plain properties still describes the query as one exploded object.
            schema = self.schemas.place(trigger.query_schema, f"{step_name}.query")
            parameters.append(
                {"name": "query", "in": "query", "style": "form", "explode": True, "schema": schema}
            )
        known = {parameter["name"]: parameter for parameter in parameters}
        for documented in trigger.query_parameters:
            text = {"description": documented.description} if documented.description else {}
            if documented.name in known:
                known[documented.name].update(text)
            else:
                parameters.append(
                    {"name": documented.name, "in": "query", **text, "schema": {"type": "string"}}
                )
        return parameters

    def _properties(self, schema: Mapping[str, Any] | None, name: str) -> tuple[dict[str, Any], set[str]]:
        if schema is None:
            return {}, set()
        placed = self.schemas.place(schema, name)
        reference = placed.get("$ref")
        if isinstance(reference, str):
            placed = self.schemas.schemas.get(reference.rpartition("/")[2], placed)
        return dict(placed.get("properties") or {}), set(placed.get("required") or ())

    def _responses(self, trigger: HttpTrigger, step_name: str) -> dict[str, Any]:
        responses: dict[str, Any] = {}
        for status, schema in sorted(trigger.response_schemas.items()):
            responses[str(status)] = {"description": phrase(int(status))}
            if int(status) not in (204, 304) and schema is not None:
                responses[str(status)]["content"] = self._json(schema, f"{step_name}.{status}")
        if not any(status.startswith(("2", "3")) for status in responses):
            responses = {"200": {"description": "OK"}, **responses}
        refused = []
        if trigger.body_schema is not None:
            refused.append(400)
        if any(
            part is not None for part in (trigger.body_schema, trigger.query_schema, trigger.params_schema)
        ):
            refused.append(422)
        if trigger.auth is not None or trigger.security:
            refused += [401, 403]
        for status in sorted(refused):
            responses.setdefault(str(status), self._problem(phrase(status)))
        responses["default"] = self._problem("Error")
        return responses

    def _problem(self, description: str) -> dict[str, Any]:
        return {
            "description": description,
            "content": {"application/problem+json": {"schema": self._problem_reference()}},
        }

    def _problem_reference(self) -> dict[str, Any]:
        holder = {"$defs": {"Problem": _PROBLEM}, "$ref": "#/$defs/Problem"}
        return self.schemas.place(holder, "Problem")

    def _json(self, schema: Mapping[str, Any], name: str) -> dict[str, Any]:
        return {"application/json": {"schema": self.schemas.place(schema, name)}}

    def _security(self, name: str, scheme: Mapping[str, Any]) -> str:
        free, number = name, 1
        while free in self.security_schemes and self.security_schemes[free] != dict(scheme):
            number += 1
            free = f"{name}_{number}"
        self.security_schemes[free] = dict(scheme)
        return free


def _described(schema: Mapping[str, Any]) -> dict[str, Any]:
    description = schema.get("description")
    text = {"description": description} if isinstance(description, str) else {}
    return {**text, "schema": dict(schema)}
