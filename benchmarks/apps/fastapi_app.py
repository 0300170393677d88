"""The same two routes in FastAPI, as its documentation writes them: the POST once as on its page of request
bodies, and once with the type of the answer declared, which FastAPI then writes with Pydantic at once."""

from __future__ import annotations

import sys

import uvicorn
from fastapi import FastAPI
from orders import Order

app = FastAPI()


@app.get("/hello")
async def hello() -> dict[str, str]:
    return {"message": "hello"}


@app.post("/orders")
async def create_order(order: Order):  # type: ignore[no-untyped-def]  # FastAPI would read what is declared
    return order


@app.post("/declared")
async def create_declared_order(order: Order) -> Order:
    return order


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
    )
