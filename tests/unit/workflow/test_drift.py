"""What journals and messages under way say beside the files on disk."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from motia.backends.memory.backend import MemoryBackend
from motia.backends.memory.store import MemoryStore
from motia.cli.checks import check_under_way
from motia.core.workflow import JournalEntry
from motia.discovery.durable_calls import code_of, durable_calls
from motia.engine.dry_check import DryCheck, Misfit, dry_check
from motia.outside import discover_project
from motia.settings.load import load_settings
from motia.testing.app import TestApp
from motia.testing.clock import ManualClock
from motia.workflow.drift import drifts

ORDER = """
from motia import *
async def charge(): return 1
async def rest(ctx, item):
    await ctx.step(f"pack {item}", charge)
    await ctx.sleep("3d")
@step(queue("order"))
async def order(input, ctx):
    await ctx.step("charge", charge, version=2)
    await ctx.step(name="ship", function=charge)
    await ctx.wait_for("paid", match={"id": 1})
    await ctx.call("bill", {})
    await rest(ctx, 1)
@step(queue("other"))
async def other(input, ctx):
    await ctx.step("only here", charge)
"""
ORDER_LINE = ORDER[: ORDER.index("async def order")].count("\n") + 1


def _entry(name: str, kind: Any = "step", version: int = 1) -> JournalEntry:
    return JournalEntry(name=name, kind=kind, status="done", at_ms=0, version=version)


def _told(entry: JournalEntry, text: str = ORDER, language: str = "python", line: int = ORDER_LINE) -> Any:
    found = drifts([entry], durable_calls(text, language, line))
    return (found[0].old, found[0].new, found[0].line) if found else None


@pytest.mark.parametrize(
    "entry",
    [
        _entry("charge", version=2),
        _entry("charge#2", version=2),
        _entry("charge[a]#3", version=2),
        _entry("ship"),
        _entry("wait paid", "wait"),
        _entry("call bill[7]", "call"),
        _entry("sleep#4", "sleep"),
        _entry("pack 17#2"),
        _entry("undo charge", "undo"),
        _entry("$held", "marker"),
    ],
    ids=lambda entry: entry.name,
)
def test_what_the_code_still_makes_fits(entry: JournalEntry) -> None:
    assert _told(entry) is None


def test_what_it_does_not_make_any_more_is_named() -> None:
    line = ORDER[: ORDER.index('"charge", charge')].count("\n") + 1
    assert _told(_entry("charge")) == ("step version 1", "step version 2", line)
    assert _told(_entry("audit[x]#2")) == ("step version 1", "no such call", 0)
    assert _told(_entry("only here")) == ("step version 1", "no such call", 0)
    assert _told(_entry("signal go", "wait")) == ("wait", "no such call", 0)
    assert _told(_entry("wait refunded", "wait")) == ("wait", "no such call", 0)


@pytest.mark.parametrize(
    "body",
    [
        "await ctx.step(name, work)",
        "await elsewhere.rest(ctx)",
        "self.ctx = ctx",
        "await functools.partial(rest, ctx)()",
        'await ctx.step(*["x", work])',
    ],
)
def test_where_the_text_does_not_say_nothing_is_said(body: str) -> None:
    text = f"@step(queue('order'))\nasync def order(input, ctx):\n    await ctx.step('a', work)\n    {body}\n"
    assert _told(_entry("gone"), text, line=1) is None
    assert _told(_entry("a", version=2), text, line=1) == ("step version 2", "step version 1", 3)


def test_other_languages_are_read_by_their_words() -> None:
    text = """
export const handler = async (input, ctx) => {
  await ctx.step('charge', () => pay(), { version: 3 })
  await ctx.waitFor("paid")
  await ctx.sleep('3d')
}"""
    for entry in (_entry("charge", version=9), _entry("wait paid", "wait"), _entry("sleep", "sleep")):
        assert _told(entry, text, "typescript") is None
    assert _told(_entry("ship"), text, "typescript") == ("step version 1", "no such call", 0)
    assert _told(_entry("ship"), "import { rest } from './rest'\n" + text, "typescript") is None
    go = 'func Handler(c *motia.Context) { c.Step("charge", pay); c.WaitForSignal("go") }'
    assert _told(_entry("signal go", "wait"), go, "go") is None
    assert _told(_entry("ship"), go, "go") is not None


FILES = {
    "kept": "await ctx.step('a', work); await ctx.sleep(60)",
    "changed": "await ctx.step('a', work); await ctx.sleep(60)",
    "gone": "await ctx.step('a', work); await ctx.sleep(60)",
    "moved": "await ctx.step('a', work); await ctx.sleep(60)",
}


def _write(folder: Path, name: str, body: str, *, topic: str = "", schema: str = "None") -> None:
    (folder / "steps").mkdir(exist_ok=True)
    (folder / "steps" / f"{name}_step.py").write_text(
        "from motia import *\nasync def work(): return 1\n"
        f"@step(queue({topic or name!r}, schema={schema}))\nasync def {name}(input, ctx):\n    {body}\n"
    )


async def _check(folder: Path, store: MemoryStore) -> DryCheck:
    settings = load_settings(folder, mode="development").settings
    registry = (await discover_project(settings)).registry
    backend = MemoryBackend(store, b"d" * 16)
    return await dry_check(backend, registry, partial(code_of, folder))


def test_runs_and_messages_under_way_are_compared_with_the_files(tmp_path: Path) -> None:
    for name, body in FILES.items():
        _write(tmp_path, name, body)
    store = MemoryStore()

    async def live() -> None:
        async with TestApp(tmp_path, clock=ManualClock(), store=store) as app:
            for name in FILES:
                await app.emit(name, {})
                await app.emit(name, {})
            await app.emit("changed", {"keep": 1})
            await app.until_idle()

    async def compare() -> None:
        found = await _check(tmp_path, store)
        assert (found.runs, found.messages, found.misfits) == (9, 9, [])
        _write(tmp_path, "changed", "await ctx.step('a', work, version=2); await ctx.sleep(60)")
        (tmp_path / "steps" / "gone_step.py").unlink()
        _write(tmp_path, "moved", FILES["moved"], topic="elsewhere")
        _write(tmp_path, "kept", FILES["kept"], schema='{"type": "object", "required": ["id"]}')
        found = await _check(tmp_path, store)
        told = {(m.code, m.step, m.count, m.name, m.old, m.new.partition(",")[0]) for m in found.misfits}
        invalid = "input: expected a value that fits the schema"
        assert told == {
            ("workflow.changed", "changed", 3, "a", "step version 1", "step version 2"),
            ("step.removed", "gone", 2, "", "step gone", "no such step"),
            ("step.removed", "moved", 2, "", "topic moved", "not subscribed any more"),
            ("input.invalid", "kept", 2, "", "a payload of kept", invalid),
        }
        where = {misfit.step: misfit.where for misfit in found.misfits}
        assert where["changed"] == "steps/changed_step.py:5"
        assert where["gone"] == ""

    asyncio.run(live())
    asyncio.run(compare())


def test_the_report_says_what_and_where() -> None:
    misfit = Misfit(
        code="workflow.changed",
        step="order",
        where="steps/order_step.py:5",
        name="charge",
        old="step version 1",
        new="step version 2",
        count=3,
        example="0193",
    )
    (finding,) = check_under_way(DryCheck(7, 9, [misfit]))
    assert finding.level == "error"
    assert finding.message == (
        "3 runs of order, the first 0193: 'charge' step version 1 → step version 2 in steps/order_step.py:5"
    )
    assert finding.details["where"] == "steps/order_step.py:5"
    assert [one.level for one in check_under_way(DryCheck(7, 9))] == ["ok"]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("typescript", "export const handler = async (input, { step }) => { await step('charge', () => 1) }"),
        ("typescript", "export const handler = async (_, ctx) => ctx.step<number>('charge', () => 1)"),
        ("typescript", "export const handler = (_, ctx) => ctx.step<{ a: 1; b: 2 }>('charge', () => 1)"),
        ("typescript", "export default step({ name: 'A' }, (_, ctx) => ctx.step('charge', () => 1))"),
        ("ruby", "def handler(input, context)\n  context.step 'charge' do 1 end\nend"),
    ],
)
def test_a_call_is_found_however_it_is_written(language: str, text: str) -> None:
    assert _told(_entry("charge"), text, language) is None
    assert _told(_entry("ship"), text, language) == ("step version 1", "no such call", 0)


def test_the_step_that_tells_of_a_question_stands_in_no_file() -> None:
    text = "async def handler(input, ctx):\n    await ctx.approval(dict, notify=print)\n"
    assert _told(_entry("approval", "approval"), text, line=1) is None
    assert _told(_entry("notify approval"), text, line=1) is None
    assert _told(_entry("notify approval[a]#2"), text, line=1) is None
