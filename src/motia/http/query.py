"""Query strings."""

from __future__ import annotations

from urllib.parse import unquote

from motia.errors import InputError

MAX_FIELDS = 1000


def parse_query(query: bytes, *, max_fields: int = MAX_FIELDS) -> dict[str, str | list[str]]:
    """Name → value, or the list of values where a name is repeated; in the order of first appearance.

    Form rules: `+` is a space, blank values are kept, broken percent escapes stay as written, bytes that are
    not UTF-8 become U+FFFD. Failure: `InputError` `query.too_many_fields`.
    """
    if not query:
        return {}
    if query.count(b"&") >= max_fields:
        raise InputError(
            f"query: expected at most {max_fields} fields, got more", code="query.too_many_fields"
        )
    text = query.decode("utf-8", "replace")
    encoded = "%" in text or "+" in text
    fields: dict[str, str | list[str]] = {}
    for field in text.split("&"):
        if not field:
            continue
        name, _, value = field.partition("=")
        if encoded:
            name = unquote(name.replace("+", " "))
            value = unquote(value.replace("+", " "))
        known = fields.get(name)
        if known is None:
            fields[name] = value
        elif isinstance(known, list):
            known.append(value)
        else:
            fields[name] = [known, value]
    return fields
