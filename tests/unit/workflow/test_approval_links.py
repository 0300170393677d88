"""Links of approvals: nobody but the owner of the key makes one, and the key is nobody else's to read."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from motia.adapters import approval_links
from motia.core.workflow import RunId
from motia.errors import AccessError, SettingsError
from motia.settings import Settings
from motia.workflow.approval_key import read_or_make_key
from motia.workflow.approvals import PREFIX, ApprovalLinks, ApprovalPlace

LINKS = ApprovalLinks(lambda: b"a key", "https://shop.example/api/")
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@given(st.binary(min_size=16, max_size=16), NAMES, NAMES, st.integers(0, 2**52))
def test_a_link_says_what_it_was_made_for_and_only_with_its_key(
    id_: bytes, step: str, name: str, expires_at_ms: int
) -> None:
    place = ApprovalPlace(RunId(id_, step), name, expires_at_ms)
    path = LINKS.path(place)
    assert LINKS.url(place) == f"https://shop.example/api{path}"
    token = path.removeprefix(PREFIX)
    assert token.isascii()
    assert LINKS.read(token) == place
    with pytest.raises(AccessError):
        ApprovalLinks(lambda: b"another key", "").read(token)


@given(st.text(max_size=80))
def test_no_text_is_a_link_by_chance(text: str) -> None:
    with pytest.raises(AccessError):
        LINKS.read(text)


def test_the_key_is_made_once_however_many_ask_for_it_at_a_time(tmp_path: Path) -> None:
    found: list[bytes] = []
    barrier = threading.Barrier(8)

    def ask() -> None:
        barrier.wait()
        found.append(read_or_make_key(tmp_path / "data"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert len(found[0]) == 32
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["approval.key"]
    assert (tmp_path / "data" / "approval.key").stat().st_mode & 0o777 == 0o600


def test_a_key_that_others_can_read_or_that_is_none_is_refused(tmp_path: Path) -> None:
    read_or_make_key(tmp_path)
    path = tmp_path / "approval.key"
    os.chmod(path, 0o644)
    with pytest.raises(SettingsError, match="only you can read"):
        read_or_make_key(tmp_path)
    os.chmod(path, 0o600)
    path.write_text("not hex")
    with pytest.raises(SettingsError) as refused:
        read_or_make_key(tmp_path)
    assert refused.value.code == "settings.approval_key"


def test_the_settings_may_give_the_key_and_the_address(tmp_path: Path) -> None:
    place = ApprovalPlace(RunId(bytes(16), "a"), "approval", 5)
    given = {"project_dir": tmp_path, "workflow": {"approval_key": "k" * 32}}
    one, other = (
        approval_links(Settings.model_validate({**given, "public_url": url, "host": "0.0.0.0"}))
        for url in ("https://shop.example", None)
    )
    assert one.url(place) == f"https://shop.example{other.path(place)}"
    assert other.url(place).startswith("http://127.0.0.1:3001/__motia/approvals/")
    assert list(tmp_path.iterdir()) == []
