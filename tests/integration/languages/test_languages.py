"""What a handler can do, in every language: docs/reference/languages.md has the table."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from language_steps import LANGUAGES, SOURCES, write_project

from motia.core.ids import format_id
from motia.testing import TestApp

DOCS = Path(__file__).parents[3] / "docs" / "reference" / "languages.md"
PROGRAMS = {"py": "python3", "ts": "node", "js": "node", "rb": "ruby", "go": "go"}
Check = Callable[[TestApp, str], Awaitable[None]]
CHECKS: dict[str, tuple[str, Check]] = {}
"""Name of the step → what it shows, and how that is checked."""


def shows(step: str, what: str) -> Callable[[Check], Check]:
    def register(check: Check) -> Check:
        CHECKS[step] = (what, check)
        return check

    return register


@shows("echo", "Requests: body, path, query, headers; status and headers of the response")
async def echo(app: TestApp, lang: str) -> None:
    answer = await app.http.post(f"/{lang}/echo/7?q=x", json={"a": ["ü"]}, headers={"X-H": "h"})
    assert (answer.status_code, answer.headers["x-answer"]) == (201, "yes")
    assert answer.json() == {"body": {"a": ["ü"]}, "id": "7", "q": "x", "h": "h"}


@shows("fails", "An error answers 500 and tells the caller nothing of it")
async def fails(app: TestApp, lang: str) -> None:
    answer = await app.http.get(f"/{lang}/fails")
    assert answer.status_code == 500
    assert "secret" not in answer.text


@shows("refuses", "A handler refuses a request with a status")
async def refuses(app: TestApp, lang: str) -> None:
    answer = await app.http.get(f"/{lang}/refuses")
    assert (answer.status_code, answer.json()["detail"]) == (409, "taken")


@shows("schema", "Schemas: refusals are 422 with paths, defaults apply, unknown keys stay")
async def schema(app: TestApp, lang: str) -> None:
    good = await app.http.post(f"/{lang}/schema", json={"name": "Ann", "more": 1})
    assert good.json() == {"name": "Ann", "role": "user", "more": 1}
    bad = await app.http.post(f"/{lang}/schema", json={"name": "A"})
    assert (bad.status_code, bad.json()["errors"][0]["path"]) == (422, "name")
    large = await app.http.post(f"/{lang}/schema", json={"name": "Ann", "more": 2**53 + 1})
    if lang in ("ts", "js"):
        # Their numbers are doubles.
        assert (large.status_code, large.json()["errors"][0]["path"]) == (422, "more")
    else:
        assert large.json()["more"] == 2**53 + 1


@shows("layers", "Middleware changes the request and catches errors")
async def layers(app: TestApp, lang: str) -> None:
    good = await app.http.post(f"/{lang}/layers", json={"fail": False})
    assert (good.text, good.headers["x-user"]) == ("ann", "ann")
    caught = await app.http.post(f"/{lang}/layers", json={"fail": True})
    assert (caught.status_code, caught.text) == (418, "inside")


@shows("condition", "Conditions")
async def condition(app: TestApp, lang: str) -> None:
    await app.emit(f"condition.{lang}", {"wanted": True, "key": "wanted"})
    await app.emit(f"condition.{lang}", {"wanted": False, "key": "unwanted"})
    await app.until_idle()
    assert await app.state.get(lang, "wanted") is True
    assert await app.state.get(lang, "unwanted") is None


@shows("auth", "`auth` of a route: a user, or 401 for nobody, 403 for false")
async def auth(app: TestApp, lang: str) -> None:
    assert (await app.http.get(f"/{lang}/auth")).status_code == 401
    answer = await app.http.get(f"/{lang}/auth", headers={"x-user": "ann"})
    assert answer.json() == {"user": "ann"}
    nobody = await app.http.get(f"/{lang}/auth", headers={"x-user": "nobody"})
    assert (nobody.status_code, nobody.json()["code"]) == (401, "access.unauthenticated")
    banned = await app.http.get(f"/{lang}/auth", headers={"x-user": "banned"})
    assert (banned.status_code, banned.json()["code"]) == (403, "access.denied")
    # Who may not call learns nothing of what the input should be.
    for user, status in (("ann", 422), ("nobody", 401), ("banned", 403)):
        answer = await app.http.get(f"/{lang}/auth?n=x", headers={"x-user": user})
        assert answer.status_code == status, (user, answer.text)


@shows("start", "A message not awaited before the answer is stored all the same")
async def start(app: TestApp, lang: str) -> None:
    others = [one for one in available() if "hops" in SOURCES[one]]
    answer = await app.http.post(f"/{lang}/start", json={"left": others})
    assert answer.status_code == 202
    await app.until_idle()
    trace_id = answer.json()["trace"]
    assert await app.state.get("hops", lang) == trace_id
    (root,) = [one for one in app.spans if one.trace_id == trace_id and one.parent_id is None]
    assert answer.json()["parent"] == f"00-{trace_id}-{root.span_id}-01"
    large = await app.http.post(f"/{lang}/start", json={"left": [lang, "x" * 1_100_000]})
    assert (large.status_code, large.json()["code"]) == (400, "message.too_large")
    assert "raise limits.message_bytes" in large.json()["hint"]


@shows("hops", "Messages from every language, in one trace")
async def hops(app: TestApp, lang: str) -> None:
    others = [one for one in available() if "start" in SOURCES[one]]
    for other in others:
        answer = await app.http.post(f"/{other}/start", json={"left": [lang]})
        await app.until_idle()
        assert await app.state.get("hops", lang) == answer.json()["trace"]


@shows("state", "State: get, set, update, increment, delete, group")
async def state(app: TestApp, lang: str) -> None:
    await app.emit(f"state.{lang}", {})
    await app.until_idle()
    *found, version = await app.state.get(lang, "state")
    assert found == [{"n": 5}, None, [{"n": 5}], 2, {"n": 1}, {"n": 5}]
    assert version > 0


@shows("atomic", "Writes that are committed together or not at all")
async def atomic(app: TestApp, lang: str) -> None:
    await app.emit(f"atomic.{lang}", {"fail": True})
    await app.emit(f"atomic.{lang}", {"fail": False})
    await app.until_idle()
    assert await app.state.get(lang, "kept") == 1
    assert await app.state.get(lang, "lost") is None


@shows("retry", "Attempts are counted, and failures retried")
async def retry(app: TestApp, lang: str) -> None:
    await app.emit(f"retry.{lang}", {})
    await app.until("message.settled", step=f"Retry-{lang}", outcome="completed")
    assert await app.state.get(lang, "attempts") == 3


@shows("logs", "Logs, and whatever is printed, belong to the step")
async def logs(app: TestApp, lang: str) -> None:
    await app.emit(f"logs.{lang}", {})
    await app.until_idle()
    lines = {line.message for line in app.logs if line.step == f"Logs-{lang}"}
    assert lines >= {"a line", f"printed by {lang}"}


@shows("cron", "Cron")
async def cron(app: TestApp, lang: str) -> None:
    await app.run_cron(f"Cron-{lang}")
    await app.until_idle()
    assert await app.state.get(lang, "tick") is True


@shows("watch", "State triggers")
async def watch(app: TestApp, lang: str) -> None:
    await app.emit("state.py", {})  # any other write must not fire it
    await app.call("Set", {"scope": f"watched-{lang}", "key": "k", "value": {"v": 1}})
    await app.until_idle()
    assert await app.state.get(lang, "seen") == ["k", f"watched-{lang}", {"v": 1}]


@shows("call", "Calling another step, and sending to one by its id")
async def call(app: TestApp, lang: str) -> None:
    await app.emit(f"call.{lang}", {})
    await app.until_idle()
    assert await app.state.get(lang, "called") == 42


@shows("stream", "Responses that stream")
async def stream(app: TestApp, lang: str) -> None:
    answer = await app.http.get(f"/{lang}/stream")
    assert (answer.text, answer.headers["content-type"]) == ("0\n1\n2\n", "text/plain")


@shows("bytes", "Bytes in and out")
async def bytes_(app: TestApp, lang: str) -> None:
    headers = {"content-type": "application/octet-stream"}
    answer = await app.http.post(f"/{lang}/bytes", content=b"\x00\xff\x01", headers=headers)
    assert (answer.content, answer.headers["content-type"]) == (b"\x01\xff\x00", "image/png")


@shows("items", "Realtime streams: set, get, group, update, delete, events that are not kept")
async def items(app: TestApp, lang: str) -> None:
    async with app.streams.follow("chat", lang) as follower:
        await app.emit(f"items.{lang}", {})
        await app.until_idle()
        told = [await follower.next(limit_s=30)]
        while told[-1]["event"]["type"] != "event":
            told.append(await follower.next(limit_s=30))
    assert told[-1]["event"]["event"] == {"type": "typing", "data": {"who": "ann"}}
    assert await app.state.get(lang, "items") == [None, ["hi"], [1, 3, True]]


@shows("bulk", "Thousands of messages in one commit: where they stand, ending what is left")
async def bulk(app: TestApp, lang: str) -> None:
    await app.emit(f"bulk.{lang}", {})
    await app.until_idle()
    assert await app.state.get(lang, "bulk") == [3, 3, 3, 0, 3]


@shows("workflow", "Workflows: steps that are done once, waits for events, calls of other steps")
async def workflow(app: TestApp, lang: str) -> None:
    await app.emit(f"workflow.{lang}", {"order": 7})
    await app.until("message.settled", step=f"Workflow-{lang}", outcome="suspended", limit_s=30)
    await app.until_idle()
    assert await app.state.get(lang, "went on") is None
    assert await app.state.get(lang, "out") is None
    await app.emit(f"paid.{lang}", {"order": 8, "by": "Bob"})
    await app.emit(f"paid.{lang}", {"order": 7, "by": "Ann"})
    await app.until("message.settled", step=f"Workflow-{lang}", outcome="completed", limit_s=30)
    assert await app.state.get(lang, "went on") == [1, 2, "Ann", 42]
    assert await app.state.get(lang, "counted") == 2
    await app.emit(f"workflow.{lang}", {"order": 9, "odd": True})
    await app.until("message.settled", step=f"Workflow-{lang}", outcome="dead", limit_s=30)
    [letter] = [one for one in await app.dead_letters() if one.queue.step == f"Workflow-{lang}"]
    assert (letter.code, letter.failures) == ("value.not_json", 1)
    assert b"workflow step 'odd': $.a[1]: expected a finite number" in letter.error


@shows("undo", "Workflows: undo when a run fails for good, several calls at once")
async def undo(app: TestApp, lang: str) -> None:
    await app.emit(f"undo.{lang}", {})
    await app.until("message.settled", step=f"Undo-{lang}", outcome="dead", limit_s=30)
    assert await app.state.get(lang, "noted") == ["undo 2", "undo 1"]


@shows("asks", "Workflows: ask a person, say where a run stands, read how one stands")
async def asks(app: TestApp, lang: str) -> None:
    await app.emit(f"asks.{lang}", {})
    await app.until("message.settled", step=f"Asks-{lang}", outcome="suspended", limit_s=30)
    await app.until_idle()
    link, run_id = await app.state.get(lang, "link")
    [run] = await app.app.backend.workflow.runs(step=f"Asks-{lang}")
    assert format_id(run.id.message_id) == run_id
    path = urlsplit(link).path
    form = (await app.http.get(path)).json()
    assert (form["title"], form["schema"]["properties"]["approved"]) == (f"Pay {lang}?", {"type": "boolean"})
    refused = await app.http.post(path, json={"approved": "perhaps"})
    assert (refused.status_code, refused.json()["errors"][0]["path"]) == (422, "approved")
    assert (await app.http.post(path, json={"approved": True})).status_code == 200
    await app.until("message.settled", step=f"Asks-{lang}", outcome="completed", limit_s=30)
    assert await app.state.get(lang, "answered") == [True, {"at": "the boss"}, None]
    assert (await app.http.post(path, json={"approved": False})).json()["code"] == "approval.answered"


@shows("unjson", "A value that JSON cannot carry is an error that names its path")
async def unjson(app: TestApp, lang: str) -> None:
    answer = await app.http.get(f"/{lang}/unjson")
    assert answer.status_code == 500


def available() -> list[str]:
    return [lang for lang in LANGUAGES if shutil.which(PROGRAMS[lang]) or os.environ.get("CI")]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], str | None]:
    """Every check of every language, run once in one application: None, or what went wrong."""
    project = tmp_path_factory.mktemp("languages")
    write_project(project, available())
    (project / "steps" / "set_step.py").write_text(
        'config = {"type": "event", "name": "Set", "subscribes": ["set"], "emits": []}\n'
        "async def handler(input, ctx):\n"
        '    await ctx.state.set(input["scope"], input["key"], input["value"])\n'
    )
    found: dict[tuple[str, str], str | None] = {}

    async def scenario() -> None:
        async with TestApp(project) as app:
            for step, (_, check) in CHECKS.items():
                for lang in available():
                    if step in SOURCES[lang]:
                        found[step, lang] = await _outcome(check, app, lang)

    asyncio.run(scenario())
    return found


async def _outcome(check: Check, app: TestApp, lang: str) -> str | None:
    try:
        async with asyncio.timeout(40):
            await check(app, lang)
    except (Exception, TimeoutError) as error:
        return f"{type(error).__name__}: {error}"
    return None


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("step", CHECKS)
def test_behaviour(results: dict[tuple[str, str], str | None], step: str, lang: str) -> None:
    if step not in SOURCES[lang]:
        return  # told by the table: this language does not have it
    if (step, lang) not in results:
        pytest.skip(f"missing: {PROGRAMS[lang]}")
    assert results[step, lang] is None


def test_the_documented_table_is_what_is_tested() -> None:
    rows = dict(re.findall(r"^\| (.+?) \| ([✓–].*?) \|$", DOCS.read_text("utf-8"), re.MULTILINE))
    expected = {
        what: " | ".join("✓" if step in SOURCES[lang] else "–" for lang in LANGUAGES)
        for step, (what, _) in CHECKS.items()
    }
    assert rows == expected
