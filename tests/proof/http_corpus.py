"""What a hostile or broken client sends, generated from parts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

_PLACES = (b"%b", b"[%b]", b'{"name":%b}', b"[1,%b]", b'{"name":"x","more":[{"a":%b}]}')
"""Where a JSON value may stand."""
_BROKEN_VALUES = (
    *(b"nul", b"tru", b"nulll", b"True", b"None", b"undefined", b"NaN", b"-NaN", b"Infinity", b"-Infinity"),
    *(b"01", b"-01", b"1.", b".5", b"-.5", b"1e", b"1e+", b"1.e1", b"+1", b"0x1", b"--1", b"-", b"1_000"),
    *(b"1 2", b"1,,", b"\xef\xbc\x91", b"a", b"'a'", b"`a`", b"\x0c1", b"\xa01", b"\x00", b"1\x00", b"\x1f"),
    *(b'"', b'"\\', b'"\\"', b'"a', b'"\\x"', b'"\\u12"', b'"\\u12G4"', b'"\\U0001"', b'"\\ud800"'),
    *(b'"\\udc00\\ud800"', b'"\\ud800\\u0041"', b'"\t"', b'"\n"', b'"\x00"', b'"\x1f"', b'"\\\n"', b'"a"b"'),
    *(b'"\xff"', b'"\xc3("', b'"\xed\xa0\x80"', b'"\xc0\xaf"', b'"\xf4\x90\x80\x80"', b'"\xe2\x82"', b"\xff"),
    *(
        b"[1,]",
        b"[,1]",
        b"[1 2]",
        b"[1",
        b"1]",
        b"[1,,2]",
        b"[1;2]",
        b"[1:2]",
        b"[}",
        b"{]",
        b"]",
        b"}",
        b"[",
    ),
    *(b'{"a"}', b'{"a":}', b'{"a":1,}', b"{,}", b"{a:1}", b"{'a':1}", b'{"a" 1}', b'{"a":1 "b":2}', b"{1:2}"),
    *(
        b'{"a":1',
        b'{"a"',
        b"{",
        b'{"a"::1}',
        b'{:"a"}',
        b'{"a":1}}',
        b'{"a",1}',
        b"{null:1}",
        b'{"a":1;"b":2}',
    ),
    *(b"// a\n1", b"/* a */1", b"1//", b"# a\n1", b"<a/>", b"a=b", b"--x", b"{}{}", b"[][]", b"$ref", b"*"),
)
_STRANGE_VALUES = (
    *(b"0", b"-0", b"1e5", b"1E-5", b"0.1", b"123456789012345678", b"1e-400", b"null", b"true", b"false"),
    *(b'""', b'"\\u0000"', b'"\\ud83d\\ude00"', b'"\xf0\x9f\x92\xa9"', b'"\x7f"', b'"\xe2\x80\xa8"', b'"/"'),
    *(
        b'"<script>"',
        b'"\\/\\b\\f\\n\\r\\t\\\\"',
        b"[]",
        b"{}",
        b" \t\r\n1 \t\r\n",
        b'{"":0}',
        b'{"a":1,"a":2}',
    ),
    *(
        b'{"__proto__":1}',
        b'{"$bytes":"AA=="}',
        b'{"$bytes":1}',
        b"[" * 30 + b"]" * 30,
        b'"' + b"x" * 9999 + b'"',
    ),
)
_LARGE = (
    *(
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"9" * 10_000,
        b"-" + b"9" * 400,
        b"1e400",
        b"-1e400",
        b"\xef\xbb\xbf{}",
    ),
    *(
        b"[" * 65 + b"]" * 65,
        b'"' + b"\\u0041" * 40_000 + b'"',
        b"[" + b"0," * 120_000 + b"0]",
        b"1" + b" " * 200_000,
    ),
    *(
        b"\xff\xfe{\x00}\x00",
        b"\x00{\x00}",
        b"18446744073709551616",
        b"1." + b"0" * 5000,
        b"{" + b'"a":1,' * 30_000,
    ),
)


def broken_json() -> Iterator[bytes]:
    """Nothing a parser of JSON may take."""
    for place, value in product(_PLACES, _BROKEN_VALUES):
        yield place % value


def sound_json() -> Iterator[bytes]:
    """All of it is JSON."""
    for place, value in product(_PLACES, _STRANGE_VALUES):
        yield place % value


def doubtful_json() -> Iterator[bytes]:
    """Too large, too deep, or of an encoding that some take."""
    yield from (*_LARGE, b"", b" ", b"\n")


_HOSTS = (
    b"",
    b"Host:\r\n",
    b"Host: a\r\nHost: b\r\n",
    b"Host: a\r\nHost: a\r\n",
    b"Host: a,b\r\n",
    b"Host: a b\r\n",
)
_LINES = (
    *(
        b"GET / HTTP/9.9",
        b"GET / HTTP/1.1.1",
        b"GET / HTTP/2",
        b"GET / http/1.1",
        b"GET / HTTP/",
        b"GET / FTP/1.1",
    ),
    *(
        b"GET",
        b"GET /",
        b"GET  / HTTP/1.1",
        b"GET /  HTTP/1.1",
        b"GET\t/\tHTTP/1.1",
        b" GET / HTTP/1.1",
        b"get / HTTP/1.1",
    ),
    *(
        b"G\x00T / HTTP/1.1",
        b"G\xc3T / HTTP/1.1",
        b"G(T / HTTP/1.1",
        b"GET \x00 HTTP/1.1",
        b"GET /\x7f HTTP/1.1",
        b": / HTTP/1.1",
    ),
    *(
        b"GET x HTTP/1.1",
        b"GET ../ HTTP/1.1",
        b"GET //a/b HTTP/1.1",
        b"GET http:// HTTP/1.1",
        b"GET http://b HTTP/1.1",
    ),
    *(
        b"GET http://b:x/ HTTP/1.1",
        b"GET ://b/ HTTP/1.1",
        b"GET a:80 HTTP/1.1",
        b"CONNECT a:80 HTTP/1.1",
        b"CONNECT / HTTP/1.1",
    ),
    *(
        b"OPTIONS * HTTP/1.1",
        b"GET * HTTP/1.1",
        b"TRACE / HTTP/1.1",
        b"TRACK / HTTP/1.1",
        b"PRI * HTTP/2.0",
        b"\x16\x03\x01\x02",
    ),
    *(
        b"A" * 70_000 + b" / HTTP/1.1",
        b"GET /" + b"x" * 200_000 + b" HTTP/1.1",
        b"PROPFIND / HTTP/1.1",
        b"QUERY / HTTP/1.1",
    ),
)
_HEADERS = (
    *(
        b"X : 1",
        b" X: 1",
        b": 1",
        b"X\x00: 1",
        b"X: \x00",
        b"X: a\rb",
        b"X: 1\r\n folded",
        b"X: 1\r\n\tfolded",
        b"X",
        b"X=1",
    ),
    *(
        b"X(: 1",
        b"\xc3\xa9: 1",
        b"X: \xff\xfe",
        b"X: " + b"y" * 200_000,
        b"X" * 70_000 + b": 1",
        b"X: y\r\n" * 20_000 + b"Y: 1",
    ),
    *(
        b"Cookie: " + b"a=b; " * 9000,
        b"Cookie: =;;=\x01",
        b"Content-Type: \x7f",
        b"Accept: " + b"*/*," * 9000,
        b"Range: bytes=0-",
    ),
    *(
        b"Connection: close, close, x",
        b"Connection: Content-Length",
        b"Upgrade: h2c\r\nConnection: Upgrade",
        b"Expect: nonsense",
    ),
    *(
        b"Upgrade: websocket\r\nConnection: Upgrade",
        b"HTTP2-Settings: AAAA",
        b"Trailer: Content-Length",
        b"TE: trailers, x",
    ),
    *(
        b"Transfer-Encoding: identity",
        b"Traceparent: 00-zz",
        b"Idempotency-Key: " + b"k" * 5000,
        b"Authorization: \x01",
    ),
)
_LENGTHS = (
    b"-1",
    b"+2",
    b"0x2",
    b"2, 2",
    b"2,3",
    b"2 2",
    b"2;",
    b"",
    b"\t",
    b"2a",
    b"9" * 20,
    b"9" * 400,
    b"1e1",
    b"\xc2\xb2",
    b"10000000000",
)
_CODINGS = (
    *(
        b"xchunked",
        b"chunked, identity",
        b"gzip, chunked",
        b"chunked, chunked",
        b"chunked;a=b",
        b"Chunked",
        b'"chunked"',
    ),
    *(
        b"chunked\x0b",
        b" chunked",
        b"\tchunked",
        b"chunked,",
        b",chunked",
        b"identity, chunked",
        b"c\x00hunked",
        b"gzip",
    ),
)
_CHUNKS = (
    *(
        b"zz\r\n",
        b"-1\r\n",
        b"+2\r\n{}\r\n0\r\n\r\n",
        b"0x2\r\n{}\r\n0\r\n\r\n",
        b"2 \r\n{}\r\n0\r\n\r\n",
        b"f" * 16 + b"\r\nx",
        b"f" * 400 + b"\r\n",
    ),
    *(
        b"2\r\n{}x\r\n0\r\n\r\n",
        b"2\n{}\n0\n\n",
        b"2\r{}\r0\r\r",
        b"2\r\n{}0\r\n\r\n",
        b"2;" + b"x" * 70_000 + b"\r\n{}\r\n0\r\n\r\n",
    ),
    *(
        b'2;a="\r\n"\r\n{}\r\n0\r\n\r\n',
        b"2\r\n{}\r\n0\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
        b"2\r\n{}\r\n0\r\nContent-Length: 9\r\n\r\n",
    ),
    *(
        b"00000000000000000000002\r\n{}\r\n0\r\n\r\n",
        b"\r\n2\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}\r\n0\r\n",
        b"2\r\n{",
        b"0\r\n\r\n",
    ),
)
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
"""What must never be answered: it stands in the body of another request."""


def framings() -> Iterator[bytes]:
    """Requests that are cut, written or framed in ways that parsers disagree about."""
    for line in _LINES:
        yield line + b"\r\nHost: a\r\n\r\n"
    for host in _HOSTS:
        yield b"GET /items/1 HTTP/1.1\r\n" + host + b"\r\n"
    for header in _HEADERS:
        yield b"GET /items/1 HTTP/1.1\r\nHost: a\r\n" + header + b"\r\n\r\n"
    post = b"POST /any HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    for length in _LENGTHS:
        yield post + b"Content-Length: " + length + b"\r\n\r\n{}"
    for coding in _CODINGS:
        yield post + b"Transfer-Encoding: " + coding + b"\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    for chunks in _CHUNKS:
        yield post + b"Transfer-Encoding: chunked\r\n\r\n" + chunks
    yield from (
        b"\r\n\r\n",
        b"\n\n",
        b"\x00" * 100,
        b"\r" * 1000,
        b"GET / HTTP/1.1\nHost: a\n\n",
        b"{}",
        b"\xff" * 70_000,
    )


def smuggled() -> Iterator[bytes]:
    """A request that some servers take for one and some for two: the second must not be served."""
    head = b"POST /any HTTP/1.1\r\nHost: a\r\n"
    size = len(SMUGGLED)
    both = (
        b"Content-Length: %d\r\nTransfer-Encoding: %b\r\n",
        b"Transfer-Encoding: %b\r\nContent-Length: %d\r\n",
    )
    for coding in (*_CODINGS, b"chunked"):
        yield head + both[0] % (size + 5, coding) + b"\r\n0\r\n\r\n" + SMUGGLED
        yield head + both[1] % (coding, 4) + b"\r\n0\r\n\r\n" + SMUGGLED
        yield head + b"Transfer-Encoding: %b\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n" % coding + SMUGGLED
    for one, other in ((0, size), (size, 0), (2, 0)):
        yield head + b"Content-Length: %d\r\nContent-Length: %d\r\n\r\n" % (one, other) + SMUGGLED
        yield head + b"Content-Length: %d, %d\r\n\r\n" % (one, other) + SMUGGLED
    for name in (
        b"Content-Length ",
        b" Content-Length",
        b"Content_Length",
        b"Content-Length\x00",
        b"Transfer-Encoding ",
    ):
        yield head + b"%b: 0\r\nContent-Length: %d\r\n\r\n" % (name, size) + SMUGGLED
    for end in (b"\n", b"\r", b"\x0b"):
        yield head + b"X: y" + end + b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % size + SMUGGLED


_SEGMENTS = (
    *(
        "..",
        ".",
        "%2e%2e",
        "%2E.",
        "..%2f",
        "%2f",
        "%5c",
        "%00",
        "%",
        "%z",
        "%zz",
        "%c0%af",
        "%ed%a0%80",
        "%ff",
        "\\..\\..",
    ),
    *(
        "%252e%252e",
        "1;a=b",
        "1%3fa=b",
        "1%23x",
        "9" * 5000,
        "-0",
        "1e5",
        "1.5",
        "0x1",
        "\u0661",
        "é",
        "e%CC%81",
    ),
    *(
        "%F0%9F%92%A9",
        "%E2%80%AE",
        "a%0d%0aX:%20y",
        "%0a",
        "%7f",
        "~",
        "~root",
        "$HOME",
        "{id}",
        ":id",
        "*",
        "(.*)",
        "null",
    ),
)
_ROOTS = ("/", "/items/", "//items/", "/items/1/", "/site/", "/__motia/", "/openapi.json/")
_TARGETS = (
    *(
        "/.env",
        "/.git/config",
        "/wp-admin",
        "/etc/passwd",
        "/ITEMS/1",
        "/items/1?" + "a=b&" * 5000,
        "/items/1?a=%ff&a[]=1",
    ),
    *(
        "/items/1?%zz=%",
        "/items/1?=&&=",
        "/items/1#x",
        "/" + "a/" * 3000,
        "/?x=" + "%00" * 300,
        "/items/1?q=" + "%25" * 9000,
        "/?",
    ),
)


def targets() -> Iterator[bytes]:
    """Paths and queries, as they stand in the request line."""
    for root, segment in product(_ROOTS, _SEGMENTS):
        yield f"{root}{segment}".encode()
    yield from (target.encode() for target in _TARGETS)


def ranges() -> Iterator[dict[str, str]]:
    """Headers that ask for parts of a file, or for it only if."""
    units = (
        "0-",
        "-1",
        "0-0",
        "5-1",
        "-0",
        "-",
        "a-b",
        "0-0,1-1",
        "99999999999999999999-",
        "0-99999999999999999999",
        "0--1",
        " 0 - 1",
    )
    for unit in units:
        yield {"range": f"bytes={unit}"}
        yield {"range": f"items={unit}"}
        yield {"range": f"bytes={unit}", "if-range": "Mon, 32 Foo 2026 25:61:61 GMT"}
    yield {"range": "bytes=" + "0-0," * 10_000 + "1-1"}
    yield {"range": "bytes=" + "1-," * 5000}
    for name in ("if-none-match", "if-match", "if-modified-since", "if-unmodified-since", "if-range"):
        for value in (
            "*",
            '"',
            'W/"',
            "Thu, 01 Jan 1970 00:00:00 GMT",
            "x" * 9000,
            ",,,",
            '"a",' * 5000,
            "99999999999999",
        ):
            yield {name: value}
