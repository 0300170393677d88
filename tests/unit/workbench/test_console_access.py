"""Who may ask the console: every door is tried."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from desk import HOST, Desk, Project

from motia.errors import AccessError, SettingsError
from motia.settings import Settings
from motia.workbench.guard import check_host, check_origin, host_name, is_navigation
from motia.workbench.session import ConsoleSecrets, Sessions, check_reach, read_secrets, renew_secrets

HELLO = """
config = {"name": "hello", "triggers": [http("GET", "/hello")]}
async def handler(request, ctx):
    return {"hello": "world"}
"""
PROTECTED = "/__motia/project"


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:3000", "localhost:3000", "LOCALHOST", "app.localhost:3000", "[::1]:3000", "192.168.1.5:3000",
     "console.example:3000", "10.0.0.1"],
)  # fmt: skip
def test_names_that_nobody_else_can_point_here_are_hosts(host: str) -> None:
    check_host({"host": host}, ["console.example"])


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "localhost.evil.example:3000", "evil-localhost", "127.0.0.1.evil.example",
     "console.example.evil", "[evil.example]:3000", "0x7f.1", "127.0.0.1@evil.example"],
)  # fmt: skip
def test_a_name_of_somebody_else_is_refused(host: str) -> None:
    with pytest.raises(AccessError) as caught:
        check_host({"host": host}, ["console.example"])
    assert caught.value.code == "console.host"


@pytest.mark.parametrize(
    "headers",
    [{}, {"origin": f"http://{HOST}"}, {"origin": f"https://{HOST}", "sec-fetch-site": "same-origin"},
     {"sec-fetch-site": "none"}],
)  # fmt: skip
def test_requests_of_the_page_itself_pass(headers: dict[str, str]) -> None:
    check_origin({"host": HOST, **headers})


@pytest.mark.parametrize(
    "headers",
    [{"origin": "http://evil.example"}, {"origin": "null"}, {"origin": "http://127.0.0.1:3001"},
     {"origin": f"http://{HOST}.evil.example"}, {"sec-fetch-site": "cross-site"},
     {"sec-fetch-site": "same-site"}, {"origin": f"http://{HOST}", "sec-fetch-site": "cross-site"},
     {"origin": ""}],
)  # fmt: skip
def test_requests_of_another_page_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(AccessError) as caught:
        check_origin({"host": HOST, **headers})
    assert caught.value.code == "console.origin"


def test_the_name_in_a_host_header() -> None:
    assert [host_name(text) for text in ("A.b:1", "[::1]:3000", "localhost.", "x")] == [
        "a.b", "::1", "localhost", "x",
    ]  # fmt: skip


def test_a_person_s_visit_is_told_from_a_script_s_request() -> None:
    visit = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document", "accept": "text/html"}
    assert is_navigation("GET", visit)
    assert is_navigation("GET", {"accept": "text/html,*/*"})
    assert not is_navigation("POST", visit)
    assert not is_navigation("GET", {"sec-fetch-mode": "cors", "accept": "text/html"})
    assert not is_navigation("GET", {"sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"})
    assert not is_navigation("GET", {"accept": "*/*"})


def test_nothing_is_told_without_a_session(project: Project) -> None:
    project.step("hello", HELLO)

    async def scenario(desk: Desk) -> None:
        for headers in ({}, {"authorization": "Bearer wrong"}, {"cookie": "motia_console_3000=1.2"},
                        {"cookie": f"motia_console_3000={2**50}.{'0' * 64}"}):  # fmt: skip
            answer = await desk.app.console.get(PROTECTED, headers={"host": HOST, **headers})
            assert (answer.status_code, answer.json()["code"]) == (401, "console.unauthenticated")
        told = await desk.app.console.get("/__motia/session", headers={"host": HOST})
        assert told.json() == {"authenticated": False}

    project.run(scenario)


def test_a_token_buys_a_cookie_for_this_port(project: Project) -> None:
    project.step("hello", HELLO)

    async def scenario(desk: Desk) -> None:
        signed = await desk.app.console.post(
            "/__motia/session", json={"token": desk.token}, headers={"host": HOST, "origin": f"http://{HOST}"}
        )
        line = signed.headers["set-cookie"]
        assert signed.status_code == 204
        assert "HttpOnly" in line
        assert "SameSite=Strict" in line
        assert "Path=/__motia;" in line
        cookie = line.partition(";")[0]
        assert cookie.startswith("motia_console_3000=")
        answer = await desk.app.console.get(PROTECTED, headers={"host": HOST, "cookie": f"a=b; {cookie}"})
        assert answer.status_code == 200
        other = await desk.app.console.get(PROTECTED, headers={"host": "127.0.0.1:3009", "cookie": cookie})
        assert other.status_code == 401
        out = await desk.ask("DELETE", "/session")
        assert "Max-Age=0" in out.headers["set-cookie"]

    project.run(scenario)


def test_guessing_tokens_is_stopped(project: Project) -> None:
    async def scenario(desk: Desk) -> None:
        codes = [
            (await desk.app.console.post("/__motia/session", json={"token": "x"}, headers={"host": HOST}))
            .json()["code"]
            for _ in range(11)
        ]  # fmt: skip
        assert codes == ["console.bad_token"] * 10 + ["console.too_many_attempts"]

    project.run(scenario)


def test_rebound_names_and_foreign_pages_get_nothing(project: Project) -> None:
    project.step("hello", HELLO)

    async def scenario(desk: Desk) -> None:
        for path in (PROTECTED, "/", "/hello", "/__motia/session", "/__motia/assets/index.js"):
            answer = await desk.ask("GET", path, headers={"host": "rebound.example:3000"}) if path.startswith(
                "/__motia"
            ) else await desk.app.console.get(path, headers={"host": "rebound.example:3000"})  # fmt: skip
            assert (answer.status_code, answer.json()["code"]) == (403, "console.host")
        for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
            answer = await desk.ask("GET", PROTECTED, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "console.origin")

    project.run(scenario)


def test_a_form_cannot_change_anything(project: Project) -> None:
    async def scenario(desk: Desk) -> None:
        answer = await desk.app.console.request(
            "POST",
            "/__motia/session",
            content=b'{"token": "x"}',
            headers={"host": HOST, "content-type": "text/plain"},
        )
        assert (answer.status_code, answer.json()["code"]) == (415, "console.content_type")

    project.run(scenario)


def test_the_api_s_port_knows_nothing_of_the_console(project: Project) -> None:
    async def scenario(desk: Desk) -> None:
        answer = await desk.app.http.get(PROTECTED, headers={"authorization": f"Bearer {desk.token}"})
        assert (answer.status_code, answer.json()["code"]) == (404, "route.not_found")

    project.run(scenario)


def test_a_visit_gets_the_page_and_a_script_the_project_s_route(project: Project) -> None:
    project.step("hello", HELLO)

    async def scenario(desk: Desk) -> None:
        visit = {"host": HOST, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
        page = await desk.app.console.get("/hello", headers=visit)
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "script-src 'self';" in page.headers["content-security-policy"]
        assert "<script>" not in page.text
        route = await desk.app.console.get("/hello", headers={"host": HOST, "sec-fetch-mode": "cors"})
        assert route.json() == {"hello": "world"}

    project.run(scenario)


def test_assets_never_lead_out_of_their_folder(project: Project) -> None:
    async def scenario(desk: Desk) -> None:
        names = ("../assets.py", "..%2fassets.py", "%2e%2e/assets.py", "a/../../assets.py", "..\\assets.py")
        for name in (*names, "/etc/passwd", "%00", ""):
            answer = await desk.app.console.get(f"/__motia/assets/{name}", headers={"host": HOST})
            assert answer.status_code == 404, name

    project.run(scenario)


def test_a_read_only_console_changes_nothing(project: Project) -> None:
    async def scenario(desk: Desk) -> None:
        assert (await desk.get("/project"))["read_only"]
        answer = await desk.ask("POST", "/topics/a/messages", json={"data": 1})
        assert answer.status_code in (403, 404)

    project.run(scenario, workbench={"read_only": True})


def test_secrets_are_this_user_s_alone_and_sessions_outlive_a_start(tmp_path: Path) -> None:
    first = renew_secrets(tmp_path, None)
    file = tmp_path / "console.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert read_secrets(tmp_path) == first
    cookie = Sessions(first, lifetime_s=60).sign_in(first.token, 1000)
    second = renew_secrets(tmp_path, None)
    assert second.token != first.token
    sessions = Sessions(second, lifetime_s=60)
    assert sessions.knows({"cookie": f"c={cookie}"}, "c", 2000)
    assert not sessions.knows({"cookie": f"c={cookie}"}, "c", 62_000)
    assert not sessions.knows({"authorization": f"Bearer {first.token}"}, "c", 2000)
    os.chmod(file, 0o644)
    assert read_secrets(tmp_path) is None
    file.write_text("{")
    assert read_secrets(tmp_path) is None


def test_a_cookie_of_another_key_is_worth_nothing() -> None:
    cookie = Sessions(ConsoleSecrets.fresh(), lifetime_s=60).sign_in
    other = Sessions(ConsoleSecrets.fresh("a long password"), lifetime_s=60)
    mine = other.sign_in("a long password", 0)
    assert other.knows({"cookie": f"c={mine}"}, "c", 0)
    assert not other.knows({"cookie": f"c={mine[:-1]}x"}, "c", 0)
    with pytest.raises(AccessError):
        cookie("a long password", 0)


def test_a_console_for_other_machines_needs_a_password_in_production() -> None:
    production = {"mode": "production", "host": "0.0.0.0"}
    with pytest.raises(SettingsError) as caught:
        check_reach(Settings.model_validate(production))
    assert caught.value.code == "settings.workbench"
    check_reach(Settings.model_validate({**production, "workbench": {"password": "a long password"}}))
    check_reach(Settings.model_validate({**production, "host": "127.0.0.1"}))
