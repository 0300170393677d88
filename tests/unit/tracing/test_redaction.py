from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from motia.tracing.packing import Packer, pack_span, unpack_log, unpack_span
from motia.tracing.record import LogRecord, SpanRecord
from motia.tracing.redaction import REDACTED, Redactor

CANARY = "c4n4ry-7f3a"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjNG40cnkifQ.c2lnbmF0dXJl"
KEYS = (
    "authorization",
    "Authorization",
    "proxy-authorization",
    "cookie",
    "Set-Cookie",
    "token",
    "accessToken",
    "refresh_token",
    "X-Auth-Token",
    "secret",
    "clientSecret",
    "AWS_SECRET_ACCESS_KEY",
    "password",
    "userPassword",
    "passwd",
    "passphrase",
    "api_key",
    "apiKey",
    "x-api-key",
    "private_key",
    "privateKey",
    "dsn",
    "SENTRY_DSN",
    "credentials",
)
TEXTS = (
    f"Authorization: Bearer {CANARY}",
    f"authorization: Basic {CANARY}",
    f"got header Bearer {CANARY} instead",
    f"Cookie: theme=dark; session={CANARY}; x=y",
    f"postgres://app:{CANARY}@db.local:5432/app",
    f"redis://:{CANARY}@localhost",
    f"amqp://u:p@{CANARY}@host/vhost",
    f"https://{CANARY}@github.com/x/y",
    f"GET /?api_key={CANARY}&page=2",
    f"PASSWORD={CANARY}",
    f'password: "{CANARY}"',
    f"{{'password': '{CANARY}'}}",
    f'{{"client_secret":"{CANARY}"}}',
    f'"{{\\"token\\": \\"{CANARY}\\"}}"',
    f"connect(password='{CANARY}', host='x')",
    f"Settings(api_key={CANARY!r})",
    f"-----BEGIN RSA PRIVATE KEY-----\n{CANARY}\n-----END RSA PRIVATE KEY-----",
    f"-----BEGIN PRIVATE KEY-----\n{CANARY}",
)


@pytest.mark.parametrize("key", KEYS)
def test_values_of_telling_names_go(key: str) -> None:
    redactor = Redactor()
    for value in (CANARY, {"inner": CANARY}, [CANARY], 12345):
        tree = {"outer": [{key: value}], "other": "kept"}
        found = redactor.value(tree)
        if isinstance(value, int) and "token" in key.lower():
            continue
        assert found == {"outer": [{key: REDACTED}], "other": "kept"}
        assert redactor.suspicious(orjson.dumps(tree).decode())


@pytest.mark.parametrize("text", TEXTS)
def test_telling_texts_lose_their_secret(text: str) -> None:
    redactor = Redactor()
    assert CANARY not in redactor.text(text)
    assert REDACTED in redactor.text(text)
    assert CANARY not in str(redactor.value({"message": [text]}))
    assert CANARY not in redactor.text(f"before\n{text}\nafter")


@pytest.mark.parametrize(
    "secret",
    [
        JWT,
        "sk-proj-abcdefghijklmnopqrstuvwx",
        "sk_live_" + "abcdefghijklmnop",
        "ghp_" + "a1" * 18,
        "xoxb-" + "1234567890-abcdef",
        "AKIA" + "ABCDEFGHIJKLMNOP",
    ],
)
def test_secrets_are_known_by_their_shape(secret: str) -> None:
    assert secret not in Redactor().text(f"calling with {secret} now")


@pytest.mark.parametrize(
    "text",
    [
        "order 17 shipped to https://example.com/a@b?x=1:2",
        "http://localhost:3000/@fs/x",
        "created user ann@example.com",
        "basic checks passed",
        "the secretary left a basket",
        "tokens used so far",
    ],
)
def test_ordinary_text_is_kept(text: str) -> None:
    assert Redactor().text(text) == text


def test_counts_of_tokens_are_kept() -> None:
    tree = {"max_tokens": 100, "usage": {"prompt_tokens": 5}, "token": None, "is_secret": True}
    assert Redactor().value(tree) == tree


def test_headers_as_pairs() -> None:
    tree = [["authorization", CANARY], ["accept", "*/*"]]
    assert Redactor().value(tree) == [["authorization", REDACTED], ["accept", "*/*"]]


def test_own_names_registered_secrets_and_patterns() -> None:
    redactor = Redactor(["ssn"], secrets=[CANARY, "ab"], patterns=[r"\bcard-\d+"])
    assert redactor.value({"userSSN": "1"}) == {"userSSN": REDACTED}
    assert redactor.text(f"it is {CANARY}, ab stays, card-4711 goes") == (
        f"it is {REDACTED}, ab stays, {REDACTED} goes"
    )


def test_long_hostile_text_takes_no_long_time() -> None:
    redactor = Redactor()
    for piece in ("token", "a.", "x://", "eyJ", "sk-", "bearer ", "-", "cookie:", "password=\\"):
        # Quadratic work on this length would take minutes.
        redactor.text("token " + piece * (100_000 // len(piece)))


def span(**fields: Any) -> SpanRecord:
    return SpanRecord("t" * 32, "s" * 16, None, "create-token", "http", 1.5, 7)._replace(**fields)


def line(message: str, data: bytes | None = None) -> LogRecord:
    return LogRecord("t" * 32, "s" * 16, "a", 5.0, "info", message, data)


def test_packed_records_read_back() -> None:
    packer = Packer(Redactor())
    record = span(status="error", error={"message": "x"}, attributes={"a": [1, None]})
    assert packer.span(record) == record
    assert unpack_span("t" * 32, pack_span(record)) == record
    logged = line("hello", b'{"a":1}')
    assert packer.log(logged).record == logged
    assert unpack_log("t" * 32, packer.log(logged).data) == logged


def test_a_secret_is_neither_in_the_row_nor_in_the_record() -> None:
    packer = Packer(Redactor(secrets=["r3gistered"]))
    attributes = {
        "headers": {"Authorization": CANARY, "accept": "*/*"},
        "input": orjson.dumps({"password": CANARY, "name": "Ann"}),
        "token": CANARY,
        "url": f"postgres://u:{CANARY}@h/",
        "object": ValueError(f"password={CANARY} r3gistered"),
    }
    packed = packer.span(
        span(error={"message": f"Bearer {CANARY}", "stack": f"token='{CANARY}'"}, attributes=attributes)
    )
    assert CANARY not in str(packed)
    assert "r3gistered" not in str(packed)
    assert CANARY not in pack_span(packed).decode()
    kept = packed.attributes
    assert kept is not None
    assert kept["headers"] == {"Authorization": REDACTED, "accept": "*/*"}
    assert kept["input"] == {"password": REDACTED, "name": "Ann"}
    assert kept["token"] == REDACTED
    logged = packer.log(line(f"password={CANARY}", orjson.dumps({"apiKey": CANARY, "n": 1})))
    assert CANARY not in str(logged)
    assert orjson.loads(logged.record.data or b"") == {"apiKey": REDACTED, "n": 1}


def test_large_values_are_cut_after_redaction() -> None:
    packer = Packer(Redactor(), payload_bytes=300)
    data = orjson.dumps({"password": CANARY, "items": list(range(1000))})
    kept = orjson.loads(packer.log(line("x", data)).record.data or b"")
    assert kept["$truncated_bytes"] == len(data)
    assert kept["head"].startswith('{"password":"[redacted]"')
    assert len(kept["head"]) == 300
    huge = packer.log(line("x", orjson.dumps("y" * 2_000_000)))
    assert orjson.loads(huge.record.data or b"") == {"$truncated_bytes": 2_000_002}
    message = packer.log(line("m" * 1_000_000)).record.message
    assert message == "m" * 300 + "… (1000000 characters)"
    packed = packer.span(span(attributes={"small": 1, "input": b'"' + b"z" * 900 + b'"'}))
    assert packed.attributes is not None
    assert packed.attributes["small"] == 1
    assert len(pack_span(packed)) < 600


def test_odd_attributes_are_packed_all_the_same() -> None:
    loop: dict[str, Any] = {}
    loop["loop"] = loop
    packed = Packer(Redactor()).span(
        span(attributes={"a": loop, "b": object, "c": b"no json", "d": "\ud800"})
    )
    kept = packed.attributes
    assert kept == {"a": {"loop": "<circular>"}, "b": "<object>", "c": "no json", "d": "\\ud800"}
    assert unpack_span("t" * 32, pack_span(packed)).attributes == kept


def test_lone_surrogates_in_a_message() -> None:
    packed = Packer(Redactor()).log(line("a\ud800b"))
    assert packed.record.message == "a\\ud800b"


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(TEXTS), st.text(max_size=30), st.sampled_from([" ", "\n", "\t", ", "]))
def test_a_secret_is_found_whatever_stands_before_it(text: str, before: str, between: str) -> None:
    redactor = Redactor()
    assert CANARY not in redactor.text(before + between + text)
