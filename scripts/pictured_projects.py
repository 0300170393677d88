"""The projects that the Workbench is photographed with, served and put under traffic."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[1]
_ADDRESS = re.compile(r"Workbench +(http://\S+/#token=\S+)")
_LONGEST_WAIT_S = 90
_LOOK_S = 0.1
_STEPS_OF_LARGE = 500
_STEPS_IN_A_ROW = 25

REFUNDS = '''
"""A step that fails, so that there is something to look at."""

from pydantic import BaseModel, Field

from motia import Context, http, queue, step


class Refund(BaseModel):
    order: str = Field(description="The order that is given back")
    amount: int = Field(gt=0)


@step(http("POST", "/refunds"), enqueues=["refund.asked"], flows=["refunds"])
async def ask_refund(refund: Refund, ctx: Context) -> dict[str, str]:
    await ctx.enqueue("refund.asked", refund.model_dump())
    return {"status": "asked"}


@step(queue("refund.asked", attempts=2, retry_delay="100ms"), flows=["refunds"])
async def give_refund(refund: Refund, ctx: Context) -> None:
    ctx.logger.warning("refunding", {"amount": refund.amount})
    if refund.amount > 100:
        raise ValueError(f"{refund.amount} is more than was paid")
    if refund.amount > 50:
        raise ConnectionError("the bank does not answer")
'''

GIFTS = '''
"""A workflow that a person lets go on."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from motia import Context, http, queue, step


class Wrapping(BaseModel):
    ribbon: Literal["red", "green", "gold"] = Field(description="The colour of the ribbon")
    card: str = Field(default="", description="What is written on the card")
    express: bool = False


@step(http("POST", "/gifts"), enqueues=["gift.asked"], flows=["gifts"])
async def ask_gift(input: dict[str, Any], ctx: Context) -> dict[str, str]:
    await ctx.enqueue("gift.asked", input["body"])
    return {"status": "asked"}


async def pick(present: str) -> dict[str, Any]:
    return {"present": present, "shelf": 7, "in_stock": True}


async def put_back(picked: dict[str, Any]) -> None: ...


@step(queue("gift.asked"), flows=["gifts"])
async def wrap_gift(input: dict[str, Any], ctx: Context) -> str:
    await ctx.step("pick", pick, input["present"], undo=put_back)
    wrapping = await ctx.approval(Wrapping, title="How is it wrapped?", expires="3d")
    return f"wrapped with a {wrapping.ribbon} ribbon"
'''


def examples_in(folder: Path) -> None:
    """The shop, other examples in all languages, a step that fails and a run that waits for a person."""
    shutil.copytree(ROOT / "examples" / "shop", folder, dirs_exist_ok=True)
    for example in ("chat", "order_saga", "polyglot"):
        for path in (ROOT / "examples" / example).rglob("*.*"):
            if path.suffix in (".py", ".ts", ".js", ".mjs", ".rb") and "__pycache__" not in path.parts:
                target = folder / path.relative_to(ROOT / "examples" / example)
                # Two examples take orders: the saga moves aside.
                target.write_text(path.read_text().replace('"/orders', '"/saga/orders'))
    (folder / "steps" / "refund_step.py").write_text(REFUNDS)
    (folder / "steps" / "gift_step.py").write_text(GIFTS)


def large_in(folder: Path) -> None:
    """One flow of five hundred steps: rows of queues behind an endpoint each, some joined to the next row."""
    lines = ["from motia import Context, http, queue, step"]
    for number in range(_STEPS_OF_LARGE):
        row, place = divmod(number, _STEPS_IN_A_ROW)
        trigger = f"queue('t{number}')" if place else f"http('POST', '/rows/{row}')"
        enqueues = [f"t{number + 1}"] if place + 1 < _STEPS_IN_A_ROW else []
        if number % 4 == 1 and number + _STEPS_IN_A_ROW < _STEPS_OF_LARGE:
            enqueues.append(f"t{number + _STEPS_IN_A_ROW}")
        lines.append(f"@step({trigger}, enqueues={enqueues!r}, flows=['large'])")
        lines.append(f"async def step_{number}(input, ctx: Context): ...")
    (folder / "steps").mkdir()
    (folder / "steps" / "large_step.py").write_text("\n".join(lines) + "\n")


def empty_in(folder: Path) -> None:
    """A project without a single step."""
    (folder / "steps").mkdir()


@contextmanager
def served(folder: Path, runtime: Path) -> Iterator[str]:
    """`motia dev` of a project; its address with the token."""
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(runtime), "SHOP_FAILURE_RATE": "0.2"}
    log = folder / "log.txt"
    command = [sys.executable, "-P", "-c", "from motia.cli.main import run; run()"]
    command += ["dev", "--port", "0", "--workbench-port", "0"]
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file
        )

    def address() -> str | None:
        if process.poll() is not None:
            raise SystemExit(log.read_text())
        found = _ADDRESS.search(log.read_text())
        return found[1] if found and _answers(found[1]) else None

    try:
        yield _awaited(address, "the Workbench")
    finally:
        process.terminate()
        process.wait(60)


def _answers(address: str) -> bool:
    try:
        return httpx.get(address.partition("#")[0] + "__motia/session").is_success
    except httpx.TransportError:
        return False


def _awaited(look: Callable[[], str | None], what: str) -> str:
    """What `look` finds; it ends the script where that takes too long."""
    end_s = time.monotonic() + _LONGEST_WAIT_S
    while (found := look()) is None:
        if time.monotonic() > end_s:
            raise SystemExit(f"expected {what} within {_LONGEST_WAIT_S} s")
        time.sleep(_LOOK_S)  # another process gets there, and tells nobody
    return found


def traffic(url: str, token: str) -> None:
    """Some of everything: orders, refunds that fail, runs that wait, a chat, reviews, a bad request."""
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {token}"}, timeout=30) as client:
        for number in range(12):
            order = {"productId": f"p{number % 3 + 1}", "quantity": 1 + number % 2, "price": 3.5 + number}
            customer = ("ada", "grace", "alan")[number % 3]
            _post(client, "/orders", {"customerId": customer, "items": [order], "paymentMethod": "paypal"})
        for number in range(5):
            _post(client, "/users", {"name": "Ada", "email": f"ada{number}@example.org"})
        for amount in (10, 60, 70, 80, 120, 150, 500):
            _post(client, "/refunds", {"order": "order_1", "amount": amount})
        for item, price in (("globe", 1200), ("map", 20), ("atlas", 4000)):
            _post(client, "/saga/orders", {"item": item, "price": price})
        for present in ("kite", "chess set"):
            _post(client, "/gifts", {"present": present})
        for text in ("a lovely lamp but late, still good", "broken, bad, never again"):
            _post(client, "/reviews", {"product": "lamp", "text": text})
        _post(client, "/chats/tea/questions", {"text": "Where does tea come from?"})
        _post(client, "/users", {"name": "Nobody"}, status=422)
        _post(client, "/__motia/cron/daily-summary-report/run", {})

        def settled() -> str | None:
            queues = client.get("/__motia/queues").json()["items"]
            return None if any(queue["ready"] + queue["claimed"] for queue in queues) else "empty"

        _awaited(settled, "empty queues")


def _post(client: httpx.Client, path: str, body: object, status: int | None = None) -> None:
    answer = client.post(path, json=body)
    if not (answer.is_success if status is None else answer.status_code == status):
        raise SystemExit(f"POST {path}: {answer.status_code} {answer.text}")
