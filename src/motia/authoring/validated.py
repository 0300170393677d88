"""A request's parts, validated by the schemas of its trigger."""

from __future__ import annotations

from typing import Any

from motia.authoring.forms import UploadFile
from motia.authoring.request import Request
from motia.errors import InputError
from motia.schemas import Schema
from motia.schemas.strings import typed_strings

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


def validated_view(
    view: Request[Any], body: Schema | None, query: Schema | None, params: Schema | None
) -> Request[Any]:
    """The view with the parts that have a schema validated, defaults filled in. No body skips its schema."""
    if query is not None:
        view.query_params = query.validate(typed_strings(view.query_params, query.json_schema), "query")
    if params is not None:
        view.path_params = params.validate(typed_strings(view.path_params, params.json_schema), "path")
    if body is None:
        return view
    data = view.json_bytes
    if data:
        view.body = body.validate_json(data, "body")
    elif data is None and view.body is not None:
        view.body = _validated_body(view, body)
    return view


def _validated_body(view: Request[Any], schema: Schema) -> Any:
    value = view.body
    if isinstance(value, bytes):
        raise unsupported_body(view)
    if view.content_type not in FORMS or not isinstance(value, dict):
        return schema.validate(value, "body")
    if schema.reads_types:
        return schema.validate(typed_strings(value, schema.json_schema), "body")
    # To JSON Schema a file is a text: its name stands in for it.
    files = {name: item for name, item in value.items() if _has_files(item)}
    texts = {name: _file_names(item) for name, item in value.items()}
    return {**schema.validate(typed_strings(texts, schema.json_schema), "body"), **files}


def _has_files(value: Any) -> bool:
    return any(isinstance(item, UploadFile) for item in (value if isinstance(value, list) else [value]))


def _file_names(value: Any) -> Any:
    if isinstance(value, list):
        return [_file_names(item) for item in value]
    return value.filename if isinstance(value, UploadFile) else value


def unsupported_body(view: Request[Any]) -> InputError:
    """The 415 for a body that is no JSON."""
    return InputError(
        f"body: expected JSON, got content type {view.content_type or 'none'}",
        code="input.unsupported_media_type",
        status=415,
        hint="send it with the header `Content-Type: application/json`",
    )
