"""Lines in and out: whole, in pieces, in parts, and garbage."""

from __future__ import annotations

import random
from typing import Any

import orjson
import pytest

from motia.runtimes.worker.frames import FrameLimits, FrameReader, ProtocolError
from motia.runtimes.worker.outbox import MessageTooLong, Outbox
from motia.runtimes.worker.values import ValueRefused, wire_text, wire_text_of_json

SMALL = FrameLimits(frame_bytes=1024, message_bytes=16 * 1024, message_parts=2)


def reader(limits: FrameLimits = SMALL) -> FrameReader:
    return FrameReader(limits, lambda number: ("stream", number), lambda: None)


def lines_of(text: bytes) -> list[bytes]:
    """The lines of one message, each as soon as there is credit for it."""
    lines: list[bytes] = []
    box = Outbox(SMALL, lines.append)
    box.put(text)
    while box.is_busy:
        box.add_credit(1)
    return lines


def message_of(value: Any) -> bytes:
    return b'{"jsonrpc":"2.0","id":1,"result":{"value":%b}}' % wire_text(value)


def test_text_of_many_bytes_a_character_arrives_whole_wherever_it_is_cut() -> None:
    text = "naïve — 日本語 — 🙂"
    line = message_of(text) + b"\n"
    for cut in range(len(line)):
        reading = reader()
        messages = reading.feed(line[:cut]) + reading.feed(line[cut:])
        assert [one["result"]["value"] for one in messages] == [text]


def test_a_message_longer_than_a_frame_goes_in_parts_and_arrives_as_one() -> None:
    value = {"text": '"quoted" \\ 日本🙂\n' * 200, "numbers": list(range(500))}
    lines = lines_of(message_of(value))
    assert len(lines) > 1
    assert all(len(line) <= SMALL.frame_bytes + 1 for line in lines)
    reading = reader()
    between = b'{"jsonrpc":"2.0","method":"heartbeat","params":{}}\n'
    messages = [message for line in lines for message in reading.feed(line + between)]
    assert messages.pop(-2)["result"]["value"] == value
    assert {message["method"] for message in messages} == {"heartbeat"}


def test_nothing_of_a_message_that_is_too_long_is_sent() -> None:
    with pytest.raises(MessageTooLong, match="16384"):
        lines_of(message_of("x" * 20_000))


def test_parts_wait_for_credit_and_short_messages_pass_them() -> None:
    lines: list[bytes] = []
    box = Outbox(SMALL, lines.append)
    box.put(message_of("x" * 3000))
    assert len(lines) == SMALL.message_parts
    box.put(b'"short"')
    assert lines.pop() == b'"short"\n'
    box.add_credit(1)
    assert len(lines) == SMALL.message_parts + 1


def test_what_is_about_one_thing_arrives_in_the_order_it_was_sent() -> None:
    lines: list[bytes] = []
    box = Outbox(SMALL, lines.append)
    sent: dict[int, list[Any]] = {1: [], 2: [], 3: []}
    for number, (lane, value) in enumerate(
        [(1, "a" * 3000), (1, "b"), (2, "c"), (2, "d" * 2500), (1, "e"), (2, "f"), (3, "g"), (1, "h" * 2000)]
    ):
        sent[lane].append((lane, number, value))
        box.put(message_of([lane, number, value]), lane)
    while box.is_busy:
        box.add_credit(1)
    reading = reader()
    arrived = [tuple(one["result"]["value"]) for line in lines for one in reading.feed(line)]
    assert {lane: [one for one in arrived if one[0] == lane] for lane in sent} == sent
    assert [one[1] for one in arrived][:2] == [2, 6]


def test_parts_of_two_messages_never_mix() -> None:
    reading = reader()
    reading.feed(b'{"method":"part","params":{"message":1,"text":"{","last":false}}\n')
    with pytest.raises(ProtocolError, match="message 1"):
        reading.feed(b'{"method":"part","params":{"message":2,"text":"{","last":false}}\n')


@pytest.mark.parametrize(
    "line",
    [
        b"hello",
        b"[]",
        b"7",
        b"\xff\xfe",
        b'{"a": NaN}',
        b"[" * 2000,
        b"x" * 2000,
        b'{"method":"part","params":{}}',
        b'{"method":"part","params":{"message":1,"text":"{\\"method\\":\\"part\\"}","last":true}}',
        b'{"method":"part","params":{"message":1,"text":"no json","last":true}}',
        b'{"result":{"$bytes":7}}',
        b'{"result":{"$bytes":"not base64!"}}',
        b'{"result":{"$stream":"7"}}',
        b'{"$bytes":"aGk="}',
        b'{"result":{"$":' + b"[" * 900 + b"]" * 900 + b"}}",
    ],
)
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(ProtocolError):
        reader().feed(line + b"\n")


def test_parts_without_end_are_refused_before_they_fill_the_memory() -> None:
    reading = reader()
    line = b'{"method":"part","params":{"message":1,"text":"%b","last":false}}\n' % (b"x" * 900)
    with pytest.raises(ProtocolError, match="16384"):
        for _ in range(100):
            reading.feed(line)


def test_no_bytes_whatever_make_the_reader_raise_anything_else() -> None:
    seed = random.SystemRandom().getrandbits(32)
    print("seed", seed)
    dice = random.Random(seed)
    good = [message_of({"a": [1, {"$bytes": 1}], "b": b"\x00\xff"}) + b"\n"]
    good += lines_of(message_of("日本語 " * 400))
    for _ in range(3000):
        data = bytearray(b"".join(dice.choices(good, k=dice.randint(1, 4))))
        for _ in range(dice.randint(0, 6)):
            at = dice.randrange(len(data))
            change = dice.choice(["flip", "cut", "insert"])
            if change == "flip":
                data[at] = dice.randrange(256)
            elif change == "cut":
                del data[at : at + dice.randint(1, 40)]
            else:
                data[at:at] = dice.choice([b"\n", b'"', b"{", b"\xf0\x9f", b'"$bytes"', b"null", b"9" * 20])
            if not data:
                break
        reading = reader()
        try:
            while data:
                size = dice.randint(1, 300)
                for message in reading.feed(bytes(data[:size])):
                    assert type(message) is dict
                del data[:size]
        except ProtocolError:
            pass


@pytest.mark.parametrize(
    "value",
    [
        b"\x00\xff raw",
        {"$bytes": "mine"},
        {"$literal": {"$bytes": "mine"}},
        {"$stream": 3},
        {"a": {"$bytes": b"\x01"}, "b": [b"", {"$literal": 1}]},
        {"$bytes": 1, "beside": 2},
        "\u2028 \x00 🙂",
    ],
)
def test_bytes_and_reserved_keys_come_back_as_they_were(value: Any) -> None:
    [message] = reader().feed(message_of(value) + b"\n")
    assert message["result"]["value"] == value


def test_json_text_is_passed_on_as_it_is_unless_a_line_could_not_hold_it() -> None:
    assert wire_text_of_json(b'{"a": 1}') == b'{"a": 1}'
    assert wire_text_of_json(b'{"a":\n1}') == b'{"a":1}'
    assert orjson.loads(wire_text_of_json(b'{"$bytes":"aGk="}')) == {"$literal": {"$bytes": "aGk="}}


def test_an_integer_that_a_double_cannot_hold_is_refused_with_its_path() -> None:
    exact = {"items": [{"id": 2**53}], "text": "12345678901234567890", "real": 1e300}
    assert orjson.loads(wire_text(exact, doubles=True)) == exact
    with pytest.raises(ValueRefused) as refused:
        wire_text({"items": [1, {"id": 2**53 + 1}]}, doubles=True)
    assert refused.value.details["path"] == "$.items[1].id"
    assert orjson.loads(wire_text({"id": 2**60})) == {"id": 2**60}


@pytest.mark.parametrize("at", range(9))
def test_a_long_integer_is_found_wherever_it_stands(at: int) -> None:
    with pytest.raises(ValueRefused):
        wire_text(["x" * at, 2**53 + 1], doubles=True)
