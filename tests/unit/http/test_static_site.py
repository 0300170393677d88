"""Pages of a project's `web/` folder, and what of it is never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from motia.http.static_site import StaticSite


@pytest.fixture
def site(tmp_path: Path) -> StaticSite:
    web = tmp_path / "web"
    (web / "help").mkdir(parents=True)
    (web / "index.html").write_text("<h1>home</h1>")
    (web / "help" / "index.html").write_text("<h1>help</h1>")
    (web / "a b.css").write_text("body {}")
    (web / ".env").write_text("SECRET=1")
    (tmp_path / "motia.toml").write_text("")
    (web / "link").symlink_to(tmp_path / "motia.toml")
    return StaticSite(web)


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/", b"text/html; charset=utf-8"),
        ("/help", b"text/html; charset=utf-8"),
        ("/help/", b"text/html; charset=utf-8"),
        ("/a%20b.css?v=1", b"text/css; charset=utf-8"),
    ],
)
def test_pages(site: StaticSite, path: str, content_type: bytes) -> None:
    page = site.page(path)
    assert page is not None
    assert (page.status, dict(page.headers)[b"content-type"]) == (200, content_type)


@pytest.mark.parametrize(
    "path",
    [
        "/.env",
        "/../motia.toml",
        "/%2e%2e/motia.toml",
        "/link",
        "/missing",
        "/a%00b",
        "/..%5cmotia.toml",
        "/" + "x" * 300,
    ],
)
def test_what_is_never_shown(site: StaticSite, path: str) -> None:
    assert site.page(path) is None


def test_a_folder_is_a_site_as_soon_as_it_has_an_index(tmp_path: Path) -> None:
    web = tmp_path / "web"
    site = StaticSite(web)
    assert site.page("/") is None
    web.mkdir()
    (web / "views.py").write_text("")
    assert site.page("/views.py") is None
    (web / "index.html").write_text("<h1>home</h1>")
    assert site.page("/") is not None
