// Several clients of ours under cuts at random and a node that dies: each ends equal to the store.
import assert from "node:assert/strict";
import { connect } from "@motia-steps/client";
import { WebSocket } from "ws";

const CLIENTS = 4;
const WRITERS = 4;
const WRITES = 60;
const [api, group, seed] = process.argv.slice(2);
let state = Number(seed);
const dice = (sides) => (state = (state * 48271) % 2147483647) % sides;

async function call(method, id, body) {
  for (;;) {
    try {
      const answer = await fetch(`${api}/todo/${encodeURIComponent(group)}/${id}`, {
        method,
        headers: { "content-type": "application/json" },
        body: body && JSON.stringify(body),
      });
      if (answer.ok) return;
    } catch {
      // The node died under the request; whether it was carried out does not matter here.
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const clients = Array.from({ length: CLIENTS }, () => {
  const sockets = [];
  class Cuttable extends WebSocket {
    constructor(...arguments_) {
      super(...arguments_);
      sockets.push(this);
    }
  }
  const streams = connect(api, { webSocket: Cuttable });
  const todos = streams.group("todo", group);
  return { streams, sockets, todos, items: [0, 1].map((id) => streams.item("todo", group, `t${id}`)) };
});
await Promise.all(clients.map(({ todos }) => todos.ready()));

let written = 0;
async function write(writer) {
  for (let number = 0; number < WRITES; number++) {
    const id = `t${dice(8)}`;
    if (dice(4) === 0) await call("DELETE", id);
    else await call("PUT", id, { text: `${writer}.${number}` });
    written += 1;
    if (dice(10) === 0) clients[dice(CLIENTS)].sockets.at(-1)?.terminate();
    if (written === (WRITERS * WRITES) / 2) await fetch(`${api}/die`, { method: "POST" }).catch(() => undefined);
  }
}
await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
await call("PUT", "last", { text: "the end" });

const judge = connect(api, { webSocket: WebSocket });
const store = await judge.group("todo", group).ready();
assert.equal(store.get("last").text, "the end");
for (const { todos, items } of clients) {
  await until(todos, () => todos.status === "live" && todos.get("last") !== undefined);
  assert.deepEqual(todos.items, store.items);
  for (const item of items) {
    await until(item, () => item.status === "live");
    const stored = store.get(item.place.id) ?? null;
    await until(item, () => JSON.stringify(item.item) === JSON.stringify(stored));
  }
}
assert.ok(clients.every(({ sockets }) => sockets.length > 1)); // the node died, at least
process.exit(0);

function until(subscription, isExpected) {
  return new Promise((resolve) => {
    const stop = subscription.subscribe(() => isExpected() && resolve(stop()));
    if (isExpected()) resolve(stop());
  });
}
