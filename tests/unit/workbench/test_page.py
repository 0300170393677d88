from __future__ import annotations

from pathlib import Path

from motia.workbench.page import asset, page


def test_files_of_the_page_are_sent_packed_and_kept(tmp_path: Path) -> None:
    (tmp_path / "index-AbC12345.js").write_text("1")
    (tmp_path / "index-AbC12345.js.gz").write_bytes(b"packed")
    (tmp_path / "plain.css").write_text("a{}")
    (tmp_path / "index.html").write_text("<p>")
    plain = asset("index-AbC12345.js", tmp_path)
    packed = asset("index-AbC12345.js", tmp_path, gzip=True)
    style = asset("plain.css", tmp_path, gzip=True)
    assert plain is not None
    assert packed is not None
    assert style is not None
    assert (plain.body, packed.body, style.body) == (b"1", b"packed", b"a{}")
    assert (b"content-encoding", b"gzip") in packed.headers
    assert (b"cache-control", b"public, max-age=31536000, immutable") in plain.headers
    assert (b"cache-control", b"no-cache") in style.headers
    assert page(tmp_path).status == 200
    assert page(tmp_path / "nothing").status == 503


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    inside = tmp_path / "assets"
    inside.mkdir()
    (tmp_path / "secret.js").write_text("secret")
    (inside / "link.js").symlink_to(tmp_path / "secret.js")
    assert asset("link.js", inside) is None
    assert asset("../secret.js", inside) is None
