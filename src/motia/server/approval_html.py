"""What a person sees who opens the link of an approval: a form, or what became of it. No script."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any

from motia.errors import MotiaError
from motia.http.response import HttpResponse
from motia.server.approval_form import Field, fields_of

_STYLE = """
:root { color-scheme: light dark; --line: light-dark(#0002, #fff3); --bad: light-dark(#b3261e, #ff8a80); }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; padding: 2rem 1rem;
  background: light-dark(#f5f6f8, #111317); color: light-dark(#1c2027, #e6e8ec); }
main { max-width: 34rem; margin: 0 auto; padding: 1.75rem; border: 1px solid var(--line); border-radius: 12px;
  background: light-dark(#fff, #191c22); overflow-wrap: anywhere; }
h1 { font-size: 1.35rem; line-height: 1.3; margin: 0 0 .5rem; }
p { margin: 0 0 1rem; } .said { white-space: pre-wrap; } .until { margin: 1rem 0 0; }
small, .until { color: light-dark(#5a6270, #a2a9b5); font-size: .875rem; }
label, fieldset, legend { display: block; } legend, .name { font-weight: 600; padding: 0; }
.field, fieldset { border: 0; margin: 0 0 1.1rem; padding: 0; }
fieldset label { display: inline-block; margin: .25rem 1.25rem 0 0; }
input:not([type=radio]), select, textarea { display: block; width: 100%; margin-top: .25rem;
  padding: .5rem .6rem; font: inherit; color: inherit; background: light-dark(#fff, #111317);
  border: 1px solid var(--line); border-radius: 7px; }
textarea.json { font: .875rem/1.45 ui-monospace, monospace; }
.bad { color: var(--bad); } .field .bad, fieldset .bad { display: block; font-size: .875rem; }
button { font: inherit; font-weight: 600; padding: .55rem 1.25rem; margin: .25rem .6rem 0 0;
  border: 1px solid light-dark(#1a56db, #3f6fe0); border-radius: 7px; color: #fff;
  background: light-dark(#1a56db, #2f5fd0); cursor: pointer; }
button.no { background: none; border-color: var(--line); color: inherit; }
:focus-visible { outline: 2px solid light-dark(#1a56db, #7aa2ff); outline-offset: 2px; }
"""
_POLICY = (
    "default-src 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    + "'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_LONG_TEXT_CHARS = 200
_INPUT_TYPES = {"email": "email", "date": "date", "uri": "url"}
_ENDS = {
    "approval.answered": (
        "Already answered",
        "Somebody has answered this before. There is nothing left to do.",
    ),
    "approval.expired": ("Too late", "The time for an answer is over."),
    "approval.closed": ("No longer asked", "What asked for this has ended, so no answer is needed."),
    "approval.bad_link": ("Not a link of this project", "Copy the whole link and open it again."),
}


def question_page(
    form: Mapping[str, Any], filled: Mapping[str, Any], refused: MotiaError | None = None
) -> HttpResponse:
    """The form; with what was wrong with it as it was filled in."""
    wrong: dict[str, str] = {}
    for one in refused.details.get("errors", ()) if refused is not None else ():
        wrong.setdefault(str(one["path"]).partition(".")[0].partition("[")[0], str(one["message"]))
    fields = fields_of(form["schema"])
    shown = [field for field in fields if field.kind != "decision"]
    elsewhere = [message for name, message in wrong.items() if name not in {field.name for field in shown}]
    if refused is not None and not wrong:
        elsewhere = [refused.message]
    parts = [_said(form["message"])] if form.get("message") else []
    parts += [f'<p class="bad" role="alert">{escape(message)}</p>' for message in elsewhere]
    parts.append('<form method="post" autocomplete="off">')
    parts += [_field(field, str(filled.get(field.name, "")), wrong.get(field.name)) for field in shown]
    parts.append(_buttons(decides=len(shown) < len(fields)))
    parts.append(f'</form><p class="until">Open until {_utc(form["expires_at_ms"])}.</p>')
    status = 200 if refused is None else _status(refused)
    return _page(status, str(form.get("title") or "Your answer is asked for"), "".join(parts))


def taken_page() -> HttpResponse:
    """An answer was stored."""
    return _page(200, "Thank you", _said("Your answer was taken. You can close this page."))


def refused_page(error: MotiaError) -> HttpResponse:
    """There is nothing to answer here, and why."""
    title, text = _ENDS.get(error.code, ("Your answer was not taken", error.message))
    return _page(_status(error), title, _said(text))


def _status(error: MotiaError) -> int:
    return int(getattr(error, "http_status", 500))


def _buttons(*, decides: bool) -> str:
    if not decides:
        return '<button type="submit">Send</button>'
    return (
        '<button type="submit" name="approved" value="true">Approve</button>'
        '<button type="submit" name="approved" value="false" class="no">Deny</button>'
    )


def _field(field: Field, filled: str, wrong: str | None) -> str:
    about = field.schema.get("description")
    notes = f"<small>{escape(str(about))}</small>" if about else ""
    notes += f'<span class="bad" role="alert">{escape(wrong)}</span>' if wrong else ""
    optional = "" if field.required else " <small>(optional)</small>"
    name, label = escape(field.name), escape(field.label) + optional
    if field.kind == "yes_no":
        radios = "".join(
            f'<label><input type="radio" name="{name}" value="{value}"{_required(field)}'
            f"{' checked' if filled == value else ''}> {text}</label>"
            for value, text in (("true", "Yes"), ("false", "No"))
        )
        return f"<fieldset><legend>{label}</legend>{radios}{notes}</fieldset>"
    control = _control(field, name, filled)
    return f'<div class="field"><label><span class="name">{label}</span>{control}</label>{notes}</div>'


def _control(field: Field, name: str, filled: str) -> str:
    if field.kind == "choice":
        texts = [(json.dumps(one), one if isinstance(one, str) else json.dumps(one)) for one in field.choices]
        options = "".join(
            f'<option value="{escape(value)}"{" selected" if value == filled else ""}>{escape(text)}</option>'
            for value, text in [("", "—"), *texts]
        )
        return f'<select name="{name}"{_required(field)}>{options}</select>'
    longest = field.schema.get("maxLength")
    limit = f' maxlength="{longest}"' if type(longest) is int else ""
    if field.kind == "json":
        return f'<textarea class="json" name="{name}" rows="4"{_required(field)}>{_inside(filled)}</textarea>'
    if field.kind == "text" and type(longest) is int and longest > _LONG_TEXT_CHARS:
        return f'<textarea name="{name}" rows="4"{limit}{_required(field)}>{_inside(filled)}</textarea>'
    kind = _INPUT_TYPES.get(str(field.schema.get("format")), "text")
    if field.kind != "text":
        kind, limit = "number", ' step="any"' if field.kind == "number" else ""
        for attribute, keyword in (("min", "minimum"), ("max", "maximum")):
            if type(bound := field.schema.get(keyword)) in (int, float):
                limit += f' {attribute}="{bound}"'
    return f'<input type="{kind}" name="{name}" value="{escape(filled)}"{limit}{_required(field)}>'


def _required(field: Field) -> str:
    return " required" if field.required and (field.kind != "text" or field.schema.get("minLength")) else ""


def _inside(text: str) -> str:
    # A line break right behind the tag is not counted as text.
    return f"\n{escape(text)}"


def _said(text: Any) -> str:
    return f'<p class="said">{escape(str(text))}</p>'


def _utc(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _page(status: int, title: str, body: str) -> HttpResponse:
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body><main>'
        f"<h1>{escape(title)}</h1>{body}</main></body></html>"
    ).encode("utf-8", "replace")
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", b"%d" % len(page)),
        (b"content-security-policy", _POLICY.encode()),
        (b"x-content-type-options", b"nosniff"),
    ]
    return HttpResponse(status, headers, page)
