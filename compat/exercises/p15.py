"""P15: crons below a minute, middleware for errors, refined schemas, one topic to three steps."""

from __future__ import annotations

import itertools

from application import Application, Lines, eventually

LINES = Lines()
ORDER = {"userId": "a", "side": "SELL", "type": "LIMIT", "instrument": "AAPL", "price": 9999, "quantity": 1}


@LINES.add("POST /orders → 201 pending; the same again → 200 with the same id")
def create(app: Application) -> None:
    made = app.ask("POST", "/orders", ORDER, status=201)
    assert made["status"] == "PENDING"
    assert app.ask("POST", "/orders", ORDER, status=200)["orderId"] == made["orderId"]
    app.kept["order"] = made["orderId"]


@LINES.add("a wrong quantity, price or instrument → 400")
def refused(app: Application) -> None:
    market = {**ORDER, "type": "MARKET"}
    without = {key: value for key, value in ORDER.items() if key != "price"}
    for body in ({**ORDER, "quantity": 20000}, market, without, {**ORDER, "instrument": "X"}):
        app.ask("POST", "/orders", body, status=(400, 422))


@LINES.add("a buyer at that price → a trade in the replay, orders in order, both streams told")
def trade(app: Application) -> None:
    with app.following() as follower:
        follower.join("orderbookFeed", "AAPL")
        follower.join("tradeFeed", "AAPL")
        app.ask("POST", "/orders", {**ORDER, "userId": "b", "side": "BUY"}, status=201)

        def traded() -> bool:
            replay = app.ask("GET", "/orderbook/AAPL/replay", status=200)
            return bool(replay["totalTrades"] >= 1 and replay["totalOrders"] >= 2)

        eventually(traded)
        follower.until(lambda events: {"orderbookFeed", "tradeFeed"} <= _told(events))
    replay = app.ask("GET", "/orderbook/AAPL/replay", status=200)
    buys, sells = ([one["price"] for one in replay[side]] for side in ("buyOrders", "sellOrders"))
    assert buys == sorted(buys, reverse=True)
    assert sells == sorted(sells)


def _told(events: list[dict[str, object]]) -> set[str]:
    names: set[str] = set()
    for event in events:
        data = event.get("data")
        if event["type"] == "create" and isinstance(data, dict):
            names.add("orderbookFeed" if "bids" in data else "tradeFeed")
    return names


@LINES.add("DELETE /orders/:id: open → 200 CANCELLING, unknown → 404")
def cancel(app: Application) -> None:
    made = app.ask("POST", "/orders", {**ORDER, "userId": "c", "price": 9998}, status=201)
    answer = app.ask("DELETE", f"/orders/{made['orderId']}", status=200)
    assert answer["status"] == "CANCELLING"
    app.ask("DELETE", "/orders/none", status=404)


@LINES.add("three schedules below a minute fire at least twice in 40 s, one run of each at a time")
def crons(app: Application) -> None:
    for step in ("MarketMaker", "ExpireOrders", "RetailTraderSimulator"):
        eventually(lambda step=step: len(app.ticks(step)) >= 2, 40)  # type: ignore[misc]  # bound now
        runs = app.ticks(step)
        assert all(before[1] <= after[0] for before, after in itertools.pairwise(runs)), runs
