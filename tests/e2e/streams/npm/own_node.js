// Our client in Node: what a cut connection missed is told when it is back, once and in order.
import assert from "node:assert/strict";
import { connect } from "@motia-steps/client";
import { WebSocket } from "ws";

const [api, group] = process.argv.slice(2);
const sockets = [];
class Cuttable extends WebSocket {
  constructor(...arguments_) {
    super(...arguments_);
    sockets.push(this);
  }
}

async function call(method, id, body) {
  const answer = await fetch(`${api}/todo/${encodeURIComponent(group)}/${id}`, {
    method,
    headers: { "content-type": "application/json" },
    body: body && JSON.stringify(body),
  });
  assert.equal(answer.status, 200, await answer.clone().text());
}

const streams = connect(api, { webSocket: Cuttable });
const todos = streams.group("todo", group);
const first = streams.item("todo", group, "t1");
const changes = todos.changes();
const read = [];
const reading = (async () => {
  for await (const change of changes) read.push(change);
})();

await Promise.all([todos.ready(), first.ready()]);
assert.deepEqual([todos.items, first.item], [[], null]);
await call("PUT", "t1", { text: "0" });
await changed(todos, () => todos.items.length === 1);

for (let cut = 0; cut < 3; cut++) {
  sockets.at(-1).terminate();
  for (let number = 1; number <= 5; number++) await call("PUT", "t1", { text: `${cut}.${number}` });
  await call("PUT", `other${cut}`, { text: "made while away" });
  await changed(todos, () => todos.status === "live" && todos.get(`other${cut}`) !== undefined);
}
await call("DELETE", "other0");
await changed(todos, () => todos.items.length === 3);

assert.equal(sockets.length, 4);
assert.deepEqual(first.item, { id: "t1", text: "2.5" });
assert.deepEqual(todos.items.map(({ id }) => id), ["t1", "other1", "other2"]);
streams.close();
await reading;
assert.deepEqual(
  read.map((change) => (change.type === "sync" ? "sync" : `${change.type} ${change.item.id} ${change.item.text}`)),
  [
    "sync",
    "create t1 0",
    ...[0, 1, 2].flatMap((cut) => [
      ...[1, 2, 3, 4, 5].map((number) => `update t1 ${cut}.${number}`),
      `create other${cut} made while away`,
    ]),
    "delete other0 made while away",
  ],
);

function changed(subscription, isExpected) {
  return new Promise((resolve) => {
    const stop = subscription.subscribe(() => isExpected() && resolve(stop()));
    if (isExpected()) resolve(stop());
  });
}
