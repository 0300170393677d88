"""A saga in TypeScript whose processes are killed: nothing is done twice, and what must be undone is."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections import defaultdict

import httpx
import pytest
from real_process import Project, Running, eventually, run

SAGA = """
import { appendFileSync, existsSync, writeFileSync } from 'node:fs'
import { WorkflowError } from 'motia'

export const config = { type: 'event', name: 'Saga', subscribes: ['order.placed'], emits: [] }

type Order = { id: string; kill: string; victim: 'node' | 'worker'; node: number; always: boolean }

/** Here a process dies, once: the node, or this one. */
const point = async (order: Order, name: string) => {
  if (order.kill !== name) return
  const marker = `killed-${order.id}`
  if (existsSync(marker) && !order.always) return
  writeFileSync(marker, '')
  process.kill(order.victim === 'node' ? order.node : process.pid, 'SIGKILL')
  await new Promise(() => {})
}
const did = (order: Order, what: string) => appendFileSync('ledger.txt', `${order.id} ${what}\\n`)

export const handler = async (order: Order, ctx: any) => {
  const undo = (what: string) => async () => {
    await point(order, `in ${what}`)
    did(order, what)
  }
  await point(order, 'first')
  await ctx.step('reserve', () => did(order, 'reserve'), { undo: undo('release') })
  await point(order, 'reserved')
  await ctx.step('charge', () => did(order, 'charge'), { undo: undo('refund'), retries: 2 })
  await point(order, 'charged')
  const review = await ctx.waitFor('order.reviewed', { match: { id: order.id } })
  if (!review.approved) throw new WorkflowError('refused', { code: 'order.refused' })
  await ctx.step('ship', async () => {
    await point(order, 'in ship')
    did(order, 'ship')
  })
  await point(order, 'shipped')
}
"""
PLACE = """
config = {"name": "Place", "triggers": [http("POST", "/orders")]}
async def handler(request, ctx):
    order = request.body
    if order["id"] == "doomed":
        await ctx.enqueue("doomed", order, dedupe=order["id"])
        return {"status": 202, "body": None}
    async with ctx.atomic():
        await ctx.enqueue("order.placed", order, dedupe=order["id"])
        await ctx.enqueue("order.reviewed", {"id": order["id"], "approved": order["approved"]})
    return {"status": 202, "body": None}
"""
DOOMED = """
import os
import signal

config = {"name": "Doomed", "triggers": [queue("doomed")]}

def did(what):
    with open("ledger.txt", "a") as ledger:
        ledger.write(f"doomed {what}\\n")

async def handler(input, ctx):
    await ctx.step("reserve", did, "reserve", undo=lambda: did("release"))
    await ctx.step("ship", os.kill, os.getpid(), signal.SIGKILL)
"""
DONE = ["reserve", "charge", "ship"]
UNDONE = ["reserve", "charge", "refund", "release"]
# A worker that dies sooner than five seconds after its start is started again after a pause: they take turns.
KILLS = [
    ("worker", "reserved", True),
    ("node", "in ship", True),
    ("worker", "in refund", False),
    ("node", "in release", False),
]


def ledger(project: Project) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    path = project.folder / "ledger.txt"
    for line in path.read_text().splitlines() if path.exists() else ():
        order, what = line.split()
        found[order].append(what)
    return found


@pytest.mark.proof
def test_a_saga_survives_the_death_of_its_worker_and_of_its_node(real_project: Project) -> None:
    if shutil.which("node") is None:
        pytest.fail("expected node in CI") if os.environ.get("CI") else pytest.skip("needs node")
    (real_project.folder / "steps" / "saga.step.ts").write_text(SAGA)
    real_project.step("place", PLACE)
    real_project.step("doomed", DOOMED)

    async def ends(running: Running, order: str, expected: list[str]) -> None:
        async def look() -> bool | None:
            return len(ledger(real_project)[order]) >= len(expected) or None

        await eventually(look, 60, lambda: f"{order}: {ledger(real_project)[order]}\n{running.text}")
        assert ledger(real_project)[order] == expected, running.text

    async def place(base: str, **order: object) -> None:
        async with httpx.AsyncClient(base_url=base, timeout=60) as client:

            async def look() -> bool | None:
                try:
                    node = (await client.get("/pid")).json()["pid"]
                    answer = await client.post("/orders", json={"always": False, "node": node, **order})
                except httpx.TransportError:
                    return None  # the node is gone, perhaps by this very order
                return answer.status_code == 202 or None

            await eventually(look, 60)

    async def main() -> None:
        with real_project.running("start") as running:
            base = await running.ready()
            for number, (victim, point, approved) in enumerate(KILLS):
                await place(base, id=f"o{number}", victim=victim, kill=point, approved=approved)
                await ends(running, f"o{number}", DONE if approved else UNDONE)
                assert (real_project.folder / f"killed-o{number}").exists()
            # It dies again and again: given up, and undone.
            await place(base, id="last", victim="worker", kill="in ship", approved=True, always=True)
            await ends(running, "last", UNDONE)
            await place(base, id="doomed")
            await ends(running, "doomed", ["reserve", "release"])

            async def over() -> bool | None:
                return (await real_project.left())[0] == 0 or None

            await eventually(over, 60, lambda: running.text)
            running.process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(running.process.wait, 30) == 0
        for number, (victim, point, approved) in enumerate(KILLS):
            assert ledger(real_project)[f"o{number}"] == (DONE if approved else UNDONE), (victim, point)
        _, dead = await real_project.left()
        refused = sum(not approved for _, _, approved in KILLS)
        assert sorted(letter.code for letter in dead) == [
            *["order.refused"] * refused,
            *["worker.crashed"] * 2,
        ]

    run(main, 140)
