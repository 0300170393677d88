from __future__ import annotations

import pytest

from motia.errors import SettingsError
from motia.http.cors import Cors, is_loopback_origin
from motia.settings.model import CorsSettings

APP = b"https://app.example"
PREFLIGHT = [
    (b"access-control-request-method", b"POST"),
    (b"access-control-request-headers", b"x-a, Authorization"),
]


def test_off_unless_configured() -> None:
    cors = Cors(CorsSettings(), allow_loopback=False)
    assert cors.headers_for(APP) == []
    assert cors.headers_for(b"http://localhost:5173") == []
    assert cors.preflight("OPTIONS", [(b"origin", APP), *PREFLIGHT]) is None


def test_named_origins_are_echoed_and_vary() -> None:
    cors = Cors(CorsSettings(origins=("https://app.example/",), credentials=True), allow_loopback=False)
    assert cors.headers_for(APP) == [
        (b"access-control-allow-origin", APP),
        (b"vary", b"Origin"),
        (b"access-control-allow-credentials", b"true"),
    ]
    for other in (None, b"https://evil.example", b"https://app.example.evil", b"null"):
        assert cors.headers_for(other) == [(b"vary", b"Origin")]


def test_any_origin_goes_without_credentials() -> None:
    cors = Cors(CorsSettings(origins=("*",)), allow_loopback=True)
    assert cors.headers_for(b"https://x.example") == [(b"access-control-allow-origin", b"*")]
    assert cors.headers_for(None) == []
    with pytest.raises(SettingsError):
        Cors(CorsSettings(origins=("*",), credentials=True), allow_loopback=False)


def test_preflight() -> None:
    cors = Cors(CorsSettings(origins=("https://app.example",), methods=("GET", "POST")), allow_loopback=False)
    answer = cors.preflight("OPTIONS", [(b"origin", APP), *PREFLIGHT])
    assert answer is not None
    assert answer.status == 204
    assert dict(answer.headers) == {
        b"access-control-allow-methods": b"GET, POST",
        b"access-control-allow-headers": b"x-a, Authorization",
        b"access-control-max-age": b"600",
    }
    assert cors.preflight("OPTIONS", [(b"origin", b"https://evil.example"), *PREFLIGHT]) is None
    assert cors.preflight("OPTIONS", [(b"origin", APP)]) is None
    assert cors.preflight("GET", [(b"origin", APP), *PREFLIGHT]) is None


def test_header_list_of_the_settings_and_junk_that_is_asked_for() -> None:
    named = Cors(CorsSettings(origins=("https://app.example",), headers=("x-a",)), allow_loopback=False)
    answer = named.preflight("OPTIONS", [(b"origin", APP), *PREFLIGHT])
    assert answer is not None
    assert dict(answer.headers)[b"access-control-allow-headers"] == b"x-a"
    echoing = Cors(CorsSettings(origins=("*",)), allow_loopback=False)
    asked = [
        (b"access-control-request-method", b"GET"),
        (b"access-control-request-headers", b"a b, x-ok, \xff"),
    ]
    answer = echoing.preflight("OPTIONS", [(b"origin", APP), *asked])
    assert answer is not None
    assert dict(answer.headers)[b"access-control-allow-headers"] == b"x-ok"


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (b"http://localhost", True),
        (b"https://localhost:5173", True),
        (b"http://app.localhost:1", True),
        (b"http://127.0.0.1:3000", True),
        (b"http://127.9.9.9", True),
        (b"http://[::1]:3000", True),
        (b"http://localhost.evil.example", False),
        (b"http://evil.example", False),
        (b"http://localhost@evil.example", False),
        (b"http://evil@localhost", False),
        (b"http://0.0.0.0:3000", False),
        (b"http://192.168.0.1", False),
        (b"file://localhost", False),
        (b"http://localhost/x", False),
        (b"http://[::1", False),
        (b"null", False),
        (b"http://\xff", False),
        (b"", False),
    ],
)
def test_loopback_origins(origin: bytes, expected: bool) -> None:
    assert is_loopback_origin(origin) is expected
    cors = Cors(CorsSettings(), allow_loopback=True)
    assert ((b"access-control-allow-origin", origin) in cors.headers_for(origin)) is expected
