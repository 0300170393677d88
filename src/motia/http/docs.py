"""The page that lists a project's endpoints: one HTML document, no script, nothing fetched."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from html import escape
from typing import Any

from motia.http.response import HttpResponse

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
details { border: 1px solid #8884; border-radius: 6px; margin: .5rem 0; padding: .5rem .75rem; }
summary { cursor: pointer; } summary b { display: inline-block; min-width: 4.5rem; }
code, pre { font: 13px/1.45 ui-monospace, monospace; }
pre { background: #8881; overflow: auto; padding: .75rem; }
table { border-collapse: collapse; }
td, th { padding: .15rem 1rem .15rem 0; text-align: left; vertical-align: top; }
"""

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def docs_response(document: Mapping[str, Any], openapi_url: str) -> HttpResponse:
    """The page with a content security policy that lets nothing run."""
    page = docs_page(document, openapi_url)
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", b"%d" % len(page)),
        (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
    ]
    return HttpResponse(200, headers, page)


def docs_page(document: Mapping[str, Any], openapi_url: str) -> bytes:
    """The HTML of an OpenAPI document, grouped by tag; `openapi_url` is linked for tools."""
    info = document["info"]
    groups: dict[str, list[str]] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            tag = (operation.get("tags") or ["Endpoints"])[0]
            groups.setdefault(tag, []).append(_operation(method, path, operation))
    sections = [f"<h2>{escape(tag)}</h2>{''.join(entries)}" for tag, entries in sorted(groups.items())]
    schemas = document.get("components", {}).get("schemas", {})
    if schemas:
        entries = [
            f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary>'
            f"{_json(schema)}</details>"
            for name, schema in schemas.items()
        ]
        sections.append(f"<h2>Schemas</h2>{''.join(entries)}")
    body = "".join(sections) or "<p>No step has an HTTP trigger yet.</p>"
    title = escape(str(info["title"]))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>{title} <small>{escape(str(info['version']))}</small></h1>"
        f'<p><a href="{escape(openapi_url)}">OpenAPI document</a></p>{body}</body></html>'
    ).encode("utf-8", "replace")


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    parts = [f"<p>{escape(operation['description'])}</p>"] if operation.get("description") else []
    if operation.get("security"):
        names = ", ".join(escape(name) for entry in operation["security"] for name in entry)
        parts.append(f"<p>Needs {names}.</p>")
    rows = "".join(
        f"<tr><td><code>{escape(each['name'])}</code></td><td>{escape(each['in'])}</td>"
        f"<td>{'required' if each.get('required') else ''}</td>"
        f"<td>{escape(each.get('description', ''))}</td></tr>"
        for each in operation.get("parameters", ())
    )
    if rows:
        parts.append(f"<table><tr><th>Parameter</th><th>In</th><th></th><th></th></tr>{rows}</table>")
    for content in operation.get("requestBody", {}).get("content", {}).values():
        parts.append(f"<p>Body</p>{_json(content['schema'])}")
    for status, response in operation["responses"].items():
        parts.append(f"<p><code>{escape(status)}</code> {escape(response['description'])}</p>")
        if status != "default":
            parts.extend(_json(content["schema"]) for content in response.get("content", {}).values())
    return (
        f"<details><summary><b>{escape(method.upper())}</b> <code>{escape(path)}</code> "
        f"{escape(operation['summary'])}</summary>{''.join(parts)}</details>"
    )


def _json(schema: Any) -> str:
    return f"<pre>{escape(json.dumps(schema, indent=2, ensure_ascii=False))}</pre>"
