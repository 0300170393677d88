"""A person's answer: asked by a run, given under a signed link, once and in time."""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import Any, Literal
from urllib.parse import urlencode

import pytest
from pydantic import BaseModel

from motia.core.ids import parse_id
from motia.core.workflow import RunId, RunSummary
from motia.encoding import decode
from motia.errors import InputError
from motia.server.approval_form import answer_of, defaults_of, fields_of
from motia.testing.app import TestApp
from motia.testing.clock import ManualClock

REFUND = """
from pydantic import BaseModel, Field, field_validator

class Decision(BaseModel):
    approved: bool
    by: str = Field(min_length=2)
    note: str = ""

    @field_validator("note")
    @classmethod
    def polite(cls, note):
        if note == "no way":
            raise ValueError("be polite")
        return note

told = []
async def tell(link):
    told.append(link)

@step(queue("refund", retries=0))
async def refund(input, ctx):
    try:
        decision = await ctx.approval(
            Decision, title="Refund?", message=f"{input['amount']} euros", expires="2d", notify=tell
        )
    except ApprovalExpiredError as error:
        return error.code
    return f"{type(decision).__name__} {decision.approved} by {decision.by}"
"""
YES = {"approved": True, "by": "Ada"}


def told_to(app: TestApp, step: str) -> list[str]:
    registry = app.app.discovered.registry  # type: ignore[union-attr]
    functions = app.app.runtimes["python"]._loader.functions  # type: ignore[attr-defined]
    found: list[str] = functions[registry.steps[step].handler].__globals__["told"]
    return found


async def run_of(app: TestApp, message: str, step: str = "refund") -> RunSummary:
    found = await app.app.backend.workflow.run(RunId(parse_id(message), step))
    assert found is not None
    return found


async def asked_by(app: TestApp) -> dict[str, Any]:
    await app.until_idle()
    (asked,) = await app.approvals()
    return asked


def test_a_person_answers_once_and_the_run_goes_on(project: Any) -> None:
    project.step("refund", REFUND)

    async def scenario(app: TestApp) -> None:
        message = await app.emit("refund", {"amount": 12})
        asked = await asked_by(app)
        assert told_to(app, "refund") == [asked["url"]]
        assert asked["url"].endswith(asked["path"])
        assert (asked["run_id"], asked["step"], asked["name"]) == (message, "refund", "approval")
        form = await app.http.get(asked["path"])
        assert form.headers["cache-control"] == "no-store"
        assert form.json() == {
            "title": "Refund?",
            "message": "12 euros",
            "schema": asked["schema"],
            "expires_at_ms": asked["expires_at_ms"],
        }
        assert set(asked["schema"]["required"]) == {"approved", "by"}
        bad = await app.http.post(asked["path"], json={"approved": "perhaps", "by": "A"})
        assert (bad.status_code, bad.json()["code"]) == (422, "input.invalid")
        assert {error["path"] for error in bad.json()["errors"]} == {"approved", "by"}
        broken = await app.http.post(asked["path"], content="{", headers={"content-type": "application/json"})
        assert (broken.status_code, broken.json()["code"]) == (400, "json.malformed")
        form_post = await app.http.post(asked["path"], content="approved=true")
        assert form_post.status_code == 415
        assert (await app.http.request("DELETE", asked["path"])).status_code == 405
        good = await app.http.post(asked["path"], json=YES)
        assert (good.status_code, good.json()) == (200, {"status": "accepted"})
        await app.until_idle()
        run = await run_of(app, message)
        assert (run.status, run.output) == ("completed", b'"Decision True by Ada"')
        assert await app.approvals() == []
        for again in (await app.http.post(asked["path"], json=YES), await app.http.get(asked["path"])):
            assert (again.status_code, again.json()["code"]) == (409, "approval.answered")
        assert told_to(app, "refund") == [asked["url"]]

    project.run(scenario, clock=ManualClock())


BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
FORM = {**BROWSER, "content-type": "application/x-www-form-urlencoded"}
HOSTILE = "\"'><script>alert(1)</script>&amp;"


async def send(app: TestApp, path: str, filled: dict[str, str]) -> Any:
    return await app.http.post(path, headers=FORM, content=urlencode(filled).encode())


def test_a_person_who_opens_the_link_fills_in_a_form(project: Any) -> None:
    project.step("refund", REFUND)

    async def scenario(app: TestApp) -> None:
        message = await app.emit("refund", {"amount": HOSTILE})
        path = (await asked_by(app))["path"]
        page = await app.http.get(path, headers=BROWSER)
        assert (page.status_code, page.headers["cache-control"]) == (200, "no-store")
        assert "script-src" not in page.headers["content-security-policy"]
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
        assert "<script" not in page.text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp; euros" in page.text
        assert 'name="approved" value="true">Approve<' in page.text
        assert 'name="approved" value="false"' in page.text
        # Whoever takes JSON, or anything, gets JSON.
        for accept in ("*/*", "application/json", "text/html, application/json", "text/html;q=0", ""):
            assert (await app.http.get(path, headers={"accept": accept})).json()["title"] == "Refund?"
        bad = await send(app, path, {"approved": "true", "by": "A", "note": HOSTILE})
        assert (bad.status_code, "<script" in bad.text) == (422, False)
        assert 'value="A" required><' in bad.text
        assert bad.text.count('class="bad" role="alert"') == 1
        big = await send(app, path, {"approved": "9" * 30, "by": "Ada"})
        assert (big.status_code, "64 bits" in big.text) == (422, True)
        good = await send(app, path, {"approved": "false", "by": HOSTILE, "note": ""})
        assert (good.status_code, "<h1>Thank you</h1>" in good.text) == (200, True)
        await app.until_idle()
        assert decode((await run_of(app, message)).output or b"") == f"Decision False by {HOSTILE}"
        again = await app.http.get(path, headers=BROWSER)
        assert (again.status_code, "<h1>Already answered</h1>" in again.text) == (409, True)
        nobodys = await app.http.get(f"{path}x", headers=BROWSER)
        assert (nobodys.status_code, "Not a link of this project" in nobodys.text) == (403, True)

    project.run(scenario, clock=ManualClock())


def test_a_form_has_a_field_for_each_part_of_an_answer() -> None:
    class Size(Enum):
        SMALL = "small"
        LARGE = "large"

    class Answer(BaseModel):
        approved: bool = True
        sure: bool
        size: Size
        kind: Literal[1, 2] | None = None
        count: int
        share: float | None = None
        by: str
        note: str | None = None
        lines: list[str] = []

    schema = Answer.model_json_schema()
    fields = {field.name: (field.kind, field.required) for field in fields_of(schema)}
    assert fields == {
        "approved": ("yes_no", False),
        "sure": ("yes_no", True),
        "size": ("choice", True),
        "kind": ("choice", False),
        "count": ("integer", True),
        "share": ("number", False),
        "by": ("text", True),
        "note": ("text", False),
        "lines": ("json", False),
    }
    assert defaults_of(schema) == {"approved": "true", "lines": "[]"}
    filled = {
        "sure": "true",
        "size": '"large"',
        "kind": "2",
        "count": "3",
        "share": "0.5",
        "by": "",
        "note": "",
    }
    answer = {"sure": True, "size": "large", "kind": 2, "count": 3, "share": 0.5, "by": ""}
    assert answer_of(schema, filled) == answer
    assert answer_of(schema, {"count": "many", "share": "nan"}) == {"count": "many", "share": "nan", "by": ""}
    with pytest.raises(InputError) as refused:
        answer_of(schema, {**filled, "lines": "[1"})
    assert [one["path"] for one in refused.value.details["errors"]] == ["lines"]
    assert answer_of({"type": "boolean"}, {"answer": "true"}) is True
    assert answer_of({"$ref": "#/$defs/Loop", "$defs": {"Loop": {"$ref": "#/$defs/Loop"}}}, {}) is None


def test_of_two_answers_at_the_same_time_one_is_taken(project: Any) -> None:
    project.step("refund", REFUND)

    async def scenario(app: TestApp) -> None:
        message = await app.emit("refund", {"amount": 12})
        asked = await asked_by(app)
        answers = await asyncio.gather(
            *(app.http.post(asked["path"], json={**YES, "by": f"person {n}"}) for n in range(5))
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
        taken = next(n for n, answer in enumerate(answers) if answer.status_code == 200)
        await app.until_idle()
        assert (await run_of(app, message)).output == b'"Decision True by person %d"' % taken

    project.run(scenario, clock=ManualClock())


def test_after_its_expiry_no_answer_is_taken_and_the_run_knows(project: Any) -> None:
    project.step("refund", REFUND)

    async def scenario(app: TestApp) -> None:
        message = await app.emit("refund", {"amount": 12})
        asked = await asked_by(app)
        await app.advance(days=2, seconds=1)
        await app.until_idle()
        late = await app.http.post(asked["path"], json=YES)
        assert (late.status_code, late.json()["code"]) == (410, "approval.expired")
        assert (await run_of(app, message)).output == b'"workflow.approval_expired"'
        assert await app.approvals() == []

    project.run(scenario, clock=ManualClock())


def test_a_link_that_was_tampered_with_says_nothing(project: Any) -> None:
    project.step("refund", REFUND)

    async def scenario(app: TestApp) -> None:
        await app.emit("refund", {"amount": 12})
        path = (await asked_by(app))["path"]
        what, _, signature = path.rpartition(".")
        _, _, other_signature = path[:-1].rpartition(".")
        for wrong in (
            what,
            f"{what}.",
            f"{what}.{other_signature}",
            f"{what}x.{signature}",
            f"{what[:-8]}AAAAAAAA.{signature}",
            f"{path}.{signature}",
            "/__motia/approvals/",
            "/__motia/approvals/" + "a" * 5000,
            "/__motia/approvals/%ff.%ff",
        ):
            for answer in (await app.http.get(wrong), await app.http.post(wrong, json=YES)):
                assert (answer.status_code, answer.json()["code"]) == (403, "approval.bad_link"), wrong
        assert len(await app.approvals()) == 1

    project.run(scenario, clock=ManualClock())


def test_who_answers_a_run_that_was_cancelled_is_told(project: Any) -> None:
    project.step("refund", REFUND)

    async def scenario(app: TestApp) -> None:
        message = await app.emit("refund", {"amount": 12})
        asked = await asked_by(app)
        await app.app.engine.interventions.cancel([parse_id(message)])  # type: ignore[union-attr]
        for _ in range(2):
            closed = await app.http.post(asked["path"], json=YES)
            assert (closed.status_code, closed.json()["code"]) == (410, "approval.closed")
            await app.until_idle()
        assert (await run_of(app, message)).status == "cancelled"

    project.run(scenario, clock=ManualClock())


def test_several_are_asked_at_once_and_a_schema_may_be_plain(project: Any) -> None:
    project.step(
        "vote",
        """
        @step(queue("vote"))
        async def vote(input, ctx):
            schema = {"type": "object", "properties": {"yes": {"type": "boolean"}}, "required": ["yes"]}
            votes = await ctx.gather(*(ctx.approval(schema, title=who, key=who) for who in ("ada", "bob")))
            return [vote["yes"] for vote in votes]
        """,
    )

    async def scenario(app: TestApp) -> None:
        message = await app.emit("vote", {})
        await app.until_idle()
        asked = {one["title"]: one for one in await app.approvals()}
        assert set(asked) == {"ada", "bob"}
        assert (await app.http.post(asked["bob"]["path"], json={"yes": False})).status_code == 200
        await app.until_idle()
        assert (await run_of(app, message, "vote")).status == "suspended"
        assert (await app.http.post(asked["ada"]["path"], json={"yes": True})).status_code == 200
        await app.until_idle()
        assert (await run_of(app, message, "vote")).output == b"[true,false]"

    project.run(scenario, clock=ManualClock())


def test_an_answer_that_only_the_models_own_rules_refuse_is_an_error_of_the_run(project: Any) -> None:
    project.step("refund", REFUND)

    async def scenario(app: TestApp) -> None:
        await app.emit("refund", {"amount": 12})
        asked = await asked_by(app)
        answer = await app.http.post(asked["path"], json={**YES, "note": "no way"})
        assert answer.status_code == 200
        await app.until_idle()
        (letter,) = await app.dead_letters()
        assert letter.code == "workflow.approval_invalid"

    project.run(scenario, clock=ManualClock())


def test_what_is_no_model_of_an_answer_is_told(project: Any) -> None:
    project.step(
        "ask",
        """
        @step(queue("ask", retries=0))
        async def ask(input, ctx):
            await ctx.approval(None)
        """,
    )

    async def scenario(app: TestApp) -> None:
        await app.emit("ask", {})
        await app.until_idle()
        (letter,) = await app.dead_letters()
        assert letter.code == "workflow.bad_approval"

    project.run(scenario)
