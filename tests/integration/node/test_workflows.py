"""Workflows in TypeScript, where they differ from Python's: promises, errors that are thrown on, signals."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from motia.testing import TestApp

FLOW = """
import { WorkflowError } from 'motia'

export const config = {
  name: 'Flow',
  triggers: [
    { type: 'queue', topic: 'flow', attempts: 1 },
    { type: 'http', method: 'POST', path: '/flow' },
  ],
}
const caught = async (work: () => unknown) => {
  try {
    return await work()
  } catch (error: any) {
    return { of: error.constructor.name, code: error.code, message: error.message, step: error.details?.step }
  }
}

const flows: Record<string, (ctx: any) => unknown> = {
  thrown: async ({ step }) => {
    const own = new RangeError('out of range')
    const error = await step('fails', () => Promise.reject(own)).catch((error: any) => error)
    return error === own
  },
  failed: ({ step }) => caught(() => step('fails', () => { throw new TypeError('no') }, { retries: 1, delay: 0 })),
  twice: ({ step, gather }) => caught(() => gather(step('a', () => 1), step('a', () => 2))),
  keyed: ({ step, gather }) => gather([1, 2, 3].map((n) => step('double', () => 2 * n, { key: String(n) }))),
  not_json: ({ step }) => caught(() => step('a', () => ({ n: 1n }))),
  refused: ({ call }) => call('Flom', {}).catch(({ message, stack }: Error) => ({ message, stack })),
  not_a_function: ({ step }) => caught(() => step('a', 7)),
  outside: ({ step }) => caught(() => step('a', () => 1)),
  timeout: async ({ step, state }) => {
    const late = (signal: AbortSignal) =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve(state.set('flow', 'aborted', true))))
    return caught(() => step('late', late, { timeout: '50ms' }))
  },
  beside: async ({ step, waitFor, state }) => {
    const both = [waitFor('beside.over'), step('once', () => state.increment('flow', 'beside once'))]
    const [event, count] = await Promise.all(both)
    return [event.n, count]
  },
  forgotten: ({ sleep }) => {
    sleep('1h')
  },
  one_fails: ({ gather, waitFor, step }) => gather(waitFor('never'), step('fails', () => { throw new Error('now') })),
  undo: async ({ step, state }) => {
    const note = (what: string) => state.update('flow', 'undo', { type: 'append', path: [], value: what })
    await step('one', () => 1, { undo: () => note('one') })
    await step('two', () => 2, { undo: () => { throw new Error('cannot') } })
    await step('three', () => ({ n: 3 }), { undo: ({ n }: { n: number }) => note(`three ${n}`) })
    throw new WorkflowError('stop', { code: 'flow.stopped' })
  },
  expired: ({ approval }) => caught(() => approval({ type: 'object' }, { expires: '20ms' })),
  no_schema: ({ approval }) => caught(() => approval('yes or no')),
  no_json_schema: ({ approval }) => caught(() => approval({ type: 'nonsense' })),
  notify_fails: async ({ approval }) => {
    const own = new RangeError('no mail today')
    return own === (await approval({ type: 'object' }, { notify: () => Promise.reject(own) }).catch((error: any) => error))
  },
  strict: ({ approval }) => {
    // What its code refuses, its JSON Schema lets pass.
    const validate = (value: any) => (value.n > 3 ? { value: value.n * 2 } : { issues: [{ path: ['n'], message: 'more, please' }] })
    const schema = { '~standard': { version: 1, vendor: 'ours', validate, jsonSchema: { input: () => ({ type: 'object' }) } } }
    return caught(() => approval(schema))
  },
  signalled: async ({ runId, waitForSignal, sendSignal }) => {
    await sendSignal(runId, 'go', { n: 7 })
    return waitForSignal('go')
  },
}

export const handler = async (input: any, ctx: any) => {
  const { do: what } = input.body ?? input
  const found = await flows[what](ctx)
  if (input.body) return { status: 200, body: found }
  await ctx.state.set('flow', what, found ?? null)
}
"""
CHANGED = """
export const config = { name: 'Changed', triggers: [{ type: 'queue', topic: 'changed', retryDelay: 0 }] }
let version = 0
export const handler = async (_: unknown, { step }: any) => {
  await step('versioned', () => 1, { version: ++version })
  throw new Error('again')
}
"""
Check = Callable[[TestApp], Awaitable[None]]
CHECKS: list[Check] = []


def check(body: Check) -> Check:
    CHECKS.append(body)
    return body


async def settled(app: TestApp, what: str) -> str:
    """How the run of a flow was settled first; later ones are not looked at."""
    sent = await app.emit("flow", {"do": what})
    event = await app.until("message.settled", message_id=sent, limit_s=30)
    return str(event.fields["outcome"])


async def result(app: TestApp, what: str) -> Any:
    assert await settled(app, what) == "completed", await app.dead_letters()
    return await app.state.get("flow", what)


@check
async def the_handler_catches_the_very_error_that_its_function_threw(app: TestApp) -> None:
    assert await result(app, "thrown") is True


@check
async def a_step_that_fails_for_good_is_a_workflow_error(app: TestApp) -> None:
    error = await result(app, "failed")
    assert (error["of"], error["code"], error["step"]) == ("WorkflowError", "workflow.step_failed", "fails")
    assert "TypeError: no" in error["message"]


@check
async def two_steps_of_one_name_at_once_need_keys(app: TestApp) -> None:
    assert (await result(app, "twice"))["code"] == "workflow.name_in_use"
    assert await result(app, "keyed") == [2, 4, 6]


@check
async def a_step_needs_a_function_and_a_queue(app: TestApp) -> None:
    assert (await result(app, "not_a_function"))["code"] == "workflow.bad_step"
    answer = await app.http.post("/flow", json={"do": "outside"})
    assert answer.json()["code"] == "workflow.not_durable"


@check
async def a_result_that_is_not_json_is_named_with_its_step(app: TestApp) -> None:
    error = await result(app, "not_json")
    assert error["code"] == "value.not_json"
    assert error["message"].startswith("workflow step 'a': $.n: expected a value that JSON can carry")


@check
async def what_the_node_refuses_has_the_line_of_the_call(app: TestApp) -> None:
    error = await result(app, "refused")
    assert "call 'Flom': no step has this id" in error["message"]
    assert "flow.step.ts:" in error["stack"]


@check
async def a_timeout_aborts_the_function(app: TestApp) -> None:
    assert (await result(app, "timeout"))["code"] == "workflow.step_timed_out"
    await app.until("state.changed", key="aborted", limit_s=30)


@check
async def a_step_beside_a_wait_is_done_once(app: TestApp) -> None:
    assert await settled(app, "beside") == "suspended"
    assert await app.state.get("flow", "beside once") == 1
    await app.emit("beside.over", {"n": 7})
    await app.until("state.changed", key="beside", limit_s=30)
    assert await app.state.get("flow", "beside") == [7, 1]


@check
async def a_sleep_that_nobody_awaits_is_slept_all_the_same(app: TestApp) -> None:
    assert await settled(app, "forgotten") == "suspended"


@check
async def a_failure_beside_a_wait_counts_now(app: TestApp) -> None:
    assert await settled(app, "one_fails") == "dead"


@check
async def what_can_be_undone_is_and_what_cannot_is_told(app: TestApp) -> None:
    assert await settled(app, "undo") == "dead"
    assert await app.state.get("flow", "undo") == ["three 3", "one"]
    [letter] = [one for one in await app.dead_letters() if one.code == "flow.stopped"]
    assert b'"step":"two"' in letter.error
    assert b"cannot" in letter.error


@check
async def code_that_changed_under_a_run_is_told_apart_from_a_failure(app: TestApp) -> None:
    sent = await app.emit("changed", {})
    await app.until("message.settled", message_id=sent, outcome="retried", limit_s=30)
    await app.until("message.settled", message_id=sent, outcome="snoozed", limit_s=30)
    assert any("'versioned'" in line.message and "version 2" in line.message for line in app.logs)


@check
async def an_approval_that_nobody_gives_is_an_error_of_its_own(app: TestApp) -> None:
    assert await settled(app, "expired") == "suspended"
    await app.until("state.changed", key="expired", limit_s=30)
    error = await app.state.get("flow", "expired")
    assert (error["of"], error["code"]) == ("ApprovalExpiredError", "workflow.approval_expired")


@check
async def an_approval_needs_a_schema(app: TestApp) -> None:
    assert (await result(app, "no_schema"))["code"] == "workflow.bad_approval"
    assert (await result(app, "no_json_schema"))["code"] == "schema.invalid"
    assert await result(app, "notify_fails") is True


@check
async def an_answer_passes_the_schema_of_the_language(app: TestApp) -> None:
    for answer, kept in (({"n": 4}, 8), ({"n": 1}, "workflow.approval_invalid")):
        sent = await app.emit("flow", {"do": "strict"})
        await app.until("message.settled", message_id=sent, outcome="suspended", limit_s=30)
        [asked] = [one for one in await app.app.engine.approvals.open_ones() if one["run_id"] == sent]
        assert (await app.http.post(asked["path"], json=answer)).status_code == 200
        await app.until("message.settled", message_id=sent, outcome="completed", limit_s=30)
        found = await app.state.get("flow", "strict")
        assert (found["code"] if isinstance(found, dict) else found) == kept


@check
async def a_signal_reaches_its_run(app: TestApp) -> None:
    sent = await app.emit("flow", {"do": "signalled"})
    await app.until("message.settled", message_id=sent, outcome="completed", limit_s=30)
    assert await app.state.get("flow", "signalled") == {"n": 7}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, BaseException | None]:
    """Every check, run in one application with one worker."""
    if shutil.which("node") is None:
        pytest.fail("expected node in CI") if os.environ.get("CI") else pytest.skip("needs node")
    project = tmp_path_factory.mktemp("workflows")
    (project / "steps").mkdir()
    (project / "steps" / "flow.step.ts").write_text(FLOW)
    (project / "steps" / "changed.step.ts").write_text(CHANGED)
    found: dict[str, BaseException | None] = {}

    async def scenario() -> None:
        async with TestApp(project) as app:
            for body in CHECKS:
                try:
                    await body(app)
                    found[body.__name__] = None
                except (Exception, TimeoutError) as error:
                    found[body.__name__] = error

    asyncio.run(scenario())
    return found


@pytest.mark.parametrize("name", [body.__name__ for body in CHECKS])
def test_workflow(outcomes: dict[str, BaseException | None], name: str) -> None:
    if (error := outcomes[name]) is not None:
        raise error
