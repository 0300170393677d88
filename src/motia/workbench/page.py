"""The console's page and its files, built into the package from `workbench/`."""

from __future__ import annotations

import mimetypes
import re
from pathlib import Path

from motia.http.response import HttpResponse

FOLDER = Path(__file__).parent / "assets"
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HASHED = re.compile(r"[-.][A-Za-z0-9_-]{8,}\.\w+(\.map)?$")
_NAME = re.compile(r"[A-Za-z0-9_@.-]+(/[A-Za-z0-9_@.-]+)*")
SAFETY = (
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
)
_NOT_BUILT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<title>Workbench</title></head><body>
<h1>The console is not in this installation</h1>
<p>motia runs from its sources, and its page was not built. Your steps run all the same.</p>
<p>To get it, install a released wheel: <code>pip install motia-steps</code>. Or build it, with Node 20 or
newer, in the folder of the sources:</p>
<p><code>cd workbench &amp;&amp; npm ci &amp;&amp; npm run build</code></p>
<p>Until then the same is on the command line: <code>motia traces</code>, <code>motia logs -f</code>,
<code>motia queue list</code>.</p>
</body></html>
"""


def page(folder: Path = FOLDER) -> HttpResponse:
    """The page itself, whatever the address: it finds its place by it."""
    index = folder / "index.html"
    built = index.is_file()
    body = index.read_bytes() if built else _NOT_BUILT.encode()
    return _answer(200 if built else 503, body, "text/html; charset=utf-8", b"no-store")


def asset(
    name: str, folder: Path = FOLDER, *, gzip: bool = False, framed: bool = False
) -> HttpResponse | None:
    """One file of the page, packed if the client takes it so; None where the folder holds no such file.
    `framed`: the console's own page may show it in a frame.

    The name is checked as it is read: after links are followed, the file must lie in the folder.
    """
    if not _NAME.fullmatch(name) or ".." in name:
        return None
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        return None
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if kind.startswith("text/") or kind in ("application/javascript", "application/json"):
        kind += "; charset=utf-8"
    # A name with a hash never means another content.
    kept = b"public, max-age=31536000, immutable" if _HASHED.search(path.name) else b"no-cache"
    packed = path.with_name(f"{path.name}.gz")
    if not (gzip and packed.is_file()):
        return _answer(200, path.read_bytes(), kind, kept, framed=framed)
    response = _answer(200, packed.read_bytes(), kind, kept, framed=framed)
    response.headers += [(b"content-encoding", b"gzip"), (b"vary", b"accept-encoding")]
    return response


def _answer(status: int, body: bytes, kind: str, kept: bytes, *, framed: bool = False) -> HttpResponse:
    policy = (
        CONTENT_POLICY.replace("frame-ancestors 'none'", "frame-ancestors 'self'")
        if framed
        else CONTENT_POLICY
    )
    headers = [
        (b"content-type", kind.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", kept),
        (b"content-security-policy", policy.encode()),
        *SAFETY,
    ]
    return HttpResponse(status, headers, body)
