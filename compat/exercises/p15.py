"""P15: crons below a minute, middleware for errors, refined schemas, one topic to three steps, two streams."""

from __future__ import annotations

from application import Application, Lines, eventually

LINES = Lines()
ORDER = {"userId": "a", "side": "SELL", "type": "LIMIT", "instrument": "AAPL", "price": 9999, "quantity": 1}


@LINES.add("POST /orders → 201 pending; the same again → 200 with the same id")
def create(app: Application) -> None:
    made = app.ask("POST", "/orders", ORDER, status=201)
    assert made["status"] == "PENDING"
    assert app.ask("POST", "/orders", ORDER, status=200)["orderId"] == made["orderId"]
    app.kept["order"] = made["orderId"]


@LINES.add("what is wrong with an order → 400")
def refused(app: Application) -> None:
    market = {**ORDER, "type": "MARKET"}
    without = {key: value for key, value in ORDER.items() if key != "price"}
    for body in ({**ORDER, "quantity": 20000}, market, without, {**ORDER, "instrument": "X"}):
        app.ask("POST", "/orders", body, status=(400, 422))


@LINES.add("a buyer at that price → a trade in the replay")
def trade(app: Application) -> None:
    app.ask("POST", "/orders", {**ORDER, "userId": "b", "side": "BUY"}, status=201)

    def traded() -> bool:
        replay = app.ask("GET", "/orderbook/AAPL/replay", status=200)
        return replay["totalTrades"] >= 1 and replay["totalOrders"] >= 2

    eventually(traded)


@LINES.add("DELETE /orders/:id: open → 200 CANCELLING, unknown → 404")
def cancel(app: Application) -> None:
    made = app.ask("POST", "/orders", {**ORDER, "userId": "c", "price": 9998}, status=201)
    answer = app.ask("DELETE", f"/orders/{made['orderId']}", status=200)
    assert "CANCELLING" in str(answer)
    app.ask("DELETE", "/orders/none", status=404)
