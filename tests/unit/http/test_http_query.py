from __future__ import annotations

import pytest

from motia.errors import InputError
from motia.http.query import parse_query


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"", {}),
        (b"a=1&b=2", {"a": "1", "b": "2"}),
        (b"a=1&a=2&a=3", {"a": ["1", "2", "3"]}),
        (b"a=&b", {"a": "", "b": ""}),
        (b"&&a=1&", {"a": "1"}),
        (b"q=a+b%20c%2B", {"q": "a b c+"}),
        (b"q=100%&r=%zz", {"q": "100%", "r": "%zz"}),
        (b"q=%ff&r=\xff", {"q": "�", "r": "�"}),
        (b"a=b=c", {"a": "b=c"}),
        (b"b[]=x&c[d]=1", {"b[]": "x", "c[d]": "1"}),
        (b"q=%C3%A4", {"q": "ä"}),
    ],
)
def test_forms(query: bytes, expected: dict[str, str | list[str]]) -> None:
    assert parse_query(query) == expected


def test_too_many_fields_are_refused() -> None:
    assert parse_query(b"&".join([b"a=1"] * 1000))["a"] == ["1"] * 1000
    with pytest.raises(InputError) as caught:
        parse_query(b"&" * 1000)
    assert caught.value.code == "query.too_many_fields"
