import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { backoffMs } from "../src/backoff.js";
import { connect } from "../src/index.js";
import { fakeApp, last, settled, type Todo } from "./fake-socket.js";

beforeEach(() => mock.timers.enable({ apis: ["setTimeout", "setInterval"] }));
afterEach(() => mock.timers.reset());

test("no connection is made before the first subscription", async () => {
  const { client, sockets } = fakeApp();
  await settled();
  assert.equal(sockets.length, 0);
  client.group<Todo>("todo", "inbox");
  await settled();
  assert.deepEqual(sockets.map((socket) => socket.url), ["ws://app.test/"]);
});

test("one connection carries all subscriptions, which join when it opens", async () => {
  const { client, sockets } = fakeApp();
  client.group<Todo>("todo", "inbox");
  client.item<Todo>("todo", "inbox", "t1");
  await settled();
  const socket = last(sockets);
  assert.equal(socket.sent.length, 0);
  socket.open();
  client.group<Todo>("todo", "later");
  assert.equal(sockets.length, 1);
  assert.deepEqual(
    socket.sent.map(({ type, data }) => [type, data.groupId, data.id]),
    [["join", "inbox", undefined], ["join", "inbox", "t1"], ["join", "later", undefined]],
  );
  assert.equal(new Set(socket.sent.map(({ data }) => data.subscriptionId)).size, 3);
});

test("a lost connection comes back, later and later, and at once after it worked", async () => {
  const { client, sockets } = fakeApp();
  mock.method(Math, "random", () => 1);
  client.group<Todo>("todo", "inbox");
  await settled();
  for (const [made, wait] of [250, 500, 1000, 2000].entries()) {
    last(sockets).cut();
    mock.timers.tick(wait - 1);
    await settled();
    assert.equal(sockets.length, made + 1);
    mock.timers.tick(1);
    await settled();
    assert.equal(sockets.length, made + 2);
  }
  last(sockets).open();
  last(sockets).say({ streamName: "todo", groupId: "inbox", event: { type: "sync", data: [] } });
  last(sockets).cut();
  mock.timers.tick(250);
  await settled();
  assert.equal(sockets.length, 6);
});

test("a connection that answers nothing any more is replaced", async () => {
  const { client, sockets } = fakeApp();
  client.group<Todo>("todo", "inbox");
  await settled();
  last(sockets).open();
  const pings = (): number => last(sockets).sent.filter(({ type }) => type === "ping").length;
  for (let answered = 0; answered < 3; ) {
    mock.timers.tick(20_000);
    if (pings() > answered) last(sockets).say({ type: "pong" });
    answered = pings();
  }
  assert.equal(sockets.length, 1);
  mock.timers.tick(60_000);
  mock.timers.tick(250);
  await settled();
  assert.equal(sockets.length, 2);
});

test("the wait is bounded and spread", () => {
  for (let attempt = 0; attempt < 2000; attempt++) {
    assert.ok(backoffMs(attempt, 1) <= 30_000);
    assert.ok(backoffMs(attempt, 0) >= backoffMs(attempt, 1) / 2 - 1);
  }
});

test("a closed client makes no connection any more", async () => {
  const { client, sockets } = fakeApp();
  const group = client.group<Todo>("todo", "inbox");
  await settled();
  last(sockets).open();
  client.close();
  mock.timers.tick(60_000);
  await settled();
  assert.equal(sockets.length, 1);
  assert.equal(group.status, "closed");
  assert.throws(() => client.group<Todo>("todo", "inbox"), { code: "stream.closed" });
});

test("the token is asked for before each connection and goes out as a subprotocol", async () => {
  const tokens = ["first", "second"];
  const { client, sockets } = fakeApp({ token: async () => tokens.shift() });
  client.group<Todo>("todo", "inbox");
  await settled();
  last(sockets).cut();
  mock.timers.tick(30_000);
  await settled();
  assert.deepEqual(sockets.map(({ protocols }) => protocols), [["Authorization", "first"], ["Authorization", "second"]]);
});

test("a token that no subprotocol can carry is said to be one, and asked for again", async () => {
  const tokens = ["a token", "good"];
  const { client, sockets } = fakeApp({ token: () => tokens.shift() });
  const group = client.group<Todo>("todo", "inbox");
  await settled();
  assert.equal(group.error?.code, "stream.token_invalid");
  mock.timers.tick(30_000);
  await settled();
  assert.deepEqual(last(sockets).protocols, ["Authorization", "good"]);
});

test("a failing token function is an error of the subscription, with its cause", async () => {
  const cause = new Error("signed out");
  const { client } = fakeApp({ token: () => Promise.reject(cause) });
  const group = client.group<Todo>("todo", "inbox");
  await settled();
  assert.equal(group.error?.code, "stream.connect_failed");
  assert.equal(group.error?.cause, cause);
});

test("urls become WebSocket urls; others are refused", async () => {
  const { sockets } = fakeApp();
  assert.equal(sockets.length, 0);
  assert.throws(() => connect("ftp://app.test", { webSocket: class {} as never }), /expected http, https, ws or wss/);
});
