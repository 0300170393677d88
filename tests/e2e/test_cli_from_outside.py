"""Work that begins outside of any handler reaches a running project: ticks, and messages of commands."""

from __future__ import annotations

from real_process import Project, eventually, run

from motia import encoding

COUNTING = """
config = {"name": "Counting", "triggers": [queue("count"), cron("* * * * * *")]}
async def handler(input, ctx):
    await ctx.state.increment("runs", ctx.trigger.type if ctx.trigger.index is not None else "direct")
"""
WAITING = """
config = {"name": "Waiting", "triggers": [queue("count")]}
async def handler(input, ctx):
    paid = await ctx.wait_for("paid", match={"order": 7})
    await ctx.state.set("runs", "waited for", paid["n"])
"""


def test_ticks_and_commands_start_steps(real_project: Project) -> None:
    real_project.step("counting", COUNTING)
    real_project.step("waiting", WAITING)

    async def main() -> None:
        with real_project.running("start", "--nodes", "2") as running:
            await running.ready()
            assert real_project.command("emit", "count", "1").returncode == 0
            assert real_project.command("trigger", "Counting", "2").returncode == 0
            kept = real_project.command("emit", "paid", '{"order": 7, "n": 100}')
            assert (kept.returncode, kept.stdout.split(" ", 1)[1]) == (0, "→ workflows that wait for it\n")

            async def all_ran() -> bool | None:
                async with real_project.store() as backend:
                    entries = await backend.state.entries("runs", 0)
                runs = {entry.key: encoding.decode(entry.value) for entry in entries}
                return (sum(runs.values()) >= 104 and runs.get("cron", 0) >= 2) or None

            await eventually(all_ran, 40, lambda: running.text)
            assert real_project.command("cron", "run", "Counting").returncode == 0
            assert await running.stop() == 0
        left, dead = await real_project.left()
        assert dead == []
        assert left <= 1  # a tick may have come while the nodes drained

    run(main)
