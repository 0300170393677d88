"""Stands for the services of others: each call is written down, so that the tests can count them."""

import json
import os
from pathlib import Path
from typing import Any


def _write(entry: dict[str, Any]) -> dict[str, Any]:
    ledger = Path(os.environ.get("SAGA_LEDGER", Path(__file__).parent / ".motia" / "ledger.jsonl"))
    ledger.parent.mkdir(parents=True, exist_ok=True)
    with ledger.open("a") as file:
        file.write(json.dumps(entry) + "\n")
    return entry


async def reserve(item: str) -> dict[str, Any]:
    return _write({"did": "reserve", "item": item})


async def release(reservation: dict[str, Any]) -> None:
    _write({"did": "release", "item": reservation["item"]})


async def charge(price: float) -> dict[str, Any]:
    return _write({"did": "charge", "price": price})


async def refund(payment: dict[str, Any]) -> None:
    _write({"did": "refund", "price": payment["price"]})


async def ship(order_id: str) -> str:
    _write({"did": "ship", "order": order_id})
    return f"track-{order_id[:6]}"
