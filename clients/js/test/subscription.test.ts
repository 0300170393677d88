import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import type { GroupSubscription } from "../src/index.js";
import { type FakeSocket, fakeApp, last, settled, type Todo } from "./fake-socket.js";

const INBOX = { streamName: "todo", groupId: "inbox" };
const tea = { id: "t1", text: "tea" };
const milk = { id: "t2", text: "milk" };

beforeEach(() => mock.timers.enable({ apis: ["setTimeout", "setInterval"] }));
afterEach(() => mock.timers.reset());

async function inbox(): Promise<{ group: GroupSubscription<Todo>; socket: FakeSocket; sockets: FakeSocket[] }> {
  const { client, sockets } = fakeApp();
  const group = client.group<Todo>("todo", "inbox");
  await settled();
  last(sockets).open();
  return { group, socket: last(sockets), sockets };
}

const synced = (socket: FakeSocket, version: number, ...items: Todo[]): void =>
  socket.say({ ...INBOX, version, event: { type: "sync", data: items } });
const changed = (socket: FakeSocket, version: number, type: string, item: Todo): void =>
  socket.say({ ...INBOX, id: item.id, version, event: { type, data: item } });

test("a group follows its server", async () => {
  const { group, socket } = await inbox();
  assert.equal(group.status, "connecting");
  synced(socket, 1, tea);
  assert.equal(await group.ready(), group);
  changed(socket, 2, "create", milk);
  changed(socket, 3, "update", { id: "t1", text: "green tea" });
  assert.deepEqual(group.items, [{ id: "t1", text: "green tea" }, milk]);
  changed(socket, 4, "delete", milk);
  assert.deepEqual(group.items.map(({ id }) => id), ["t1"]);
  assert.equal(group.get("t1")?.text, "green tea");
});

test("a change that is known already changes nothing", async () => {
  const { group, socket } = await inbox();
  synced(socket, 5, tea);
  changed(socket, 5, "update", { id: "t1", text: "stale" });
  assert.deepEqual(group.items, [tea]);
});

test("a snapshot stays the same object until something changes", async () => {
  const { group, socket } = await inbox();
  synced(socket, 1, tea);
  const before = group.snapshot;
  assert.equal(group.snapshot, before);
  changed(socket, 2, "create", milk);
  assert.notEqual(group.snapshot, before);
  assert.deepEqual(before.items, [tea]);
});

test("after a reconnect it asks for what it missed, and shows what it had meanwhile", async () => {
  const { group, socket, sockets } = await inbox();
  synced(socket, 7, tea);
  socket.cut();
  assert.deepEqual([group.status, group.error?.code, group.items], ["stale", "stream.disconnected", [tea]]);
  mock.timers.tick(250);
  await settled();
  last(sockets).open();
  const { data } = last(last(sockets).sent);
  assert.equal(data.version, 7);
  assert.equal(data.subscriptionId, group.subscriptionId);
  last(sockets).say({ ...INBOX, version: 7, event: { type: "resumed" } });
  assert.deepEqual([group.status, group.items], ["live", [tea]]);
  changed(last(sockets), 8, "create", milk);
  assert.deepEqual([group.status, group.items], ["live", [tea, milk]]);
});

test("items of one id in two groups are kept apart, whatever the ids look like", async () => {
  const { client, sockets } = fakeApp();
  const ids = ["a", 'a","b', "a:item:b", "ä/ b", "a\u0000"];
  const items = ids.map((groupId) => client.item<Todo>("todo", groupId, "t1"));
  await settled();
  last(sockets).open();
  ids.forEach((groupId) => {
    const data = { id: "t1", text: groupId };
    last(sockets).say({ streamName: "todo", groupId, id: "t1", version: 1, event: { type: "sync", data } });
  });
  assert.deepEqual(items.map(({ item }) => item?.text), ids);
});

test("an item and its group hear one frame, each once", async () => {
  const { client, sockets } = fakeApp();
  const group = client.group<Todo>("todo", "inbox");
  const item = client.item<Todo>("todo", "inbox", "t1");
  const heard: string[] = [];
  group.on("typing", () => heard.push("group"));
  item.on("typing", () => heard.push("item"));
  await settled();
  last(sockets).open();
  last(sockets).say({ ...INBOX, id: "t1", event: { type: "event", event: { type: "typing", data: 1 } } });
  assert.deepEqual(heard.sort(), ["group", "item"]);
  synced(last(sockets), 0);
  last(sockets).say({ ...INBOX, id: "t1", version: 0, event: { type: "sync", data: null } });
  changed(last(sockets), 1, "create", tea);
  assert.deepEqual([group.items, item.item], [[tea], tea]);
  changed(last(sockets), 2, "delete", tea);
  assert.deepEqual([group.items, item.item], [[], null]);
});

test("what an item missed does not run ahead of its group", async () => {
  const { client, sockets } = fakeApp();
  const item = client.item<Todo>("todo", "inbox", "t1");
  const group = client.group<Todo>("todo", "inbox");
  await settled();
  last(sockets).open();
  last(sockets).say({ ...INBOX, id: "t1", version: 1, event: { type: "sync", data: tea } });
  synced(last(sockets), 1, tea);
  last(sockets).cut();
  mock.timers.tick(250);
  await settled();
  last(sockets).open();
  last(sockets).say({ ...INBOX, id: "t1", version: 1, event: { type: "resumed" } });
  changed(last(sockets), 3, "update", { id: "t1", text: "green tea" });
  assert.deepEqual([item.item?.text, group.get("t1")?.text], ["green tea", "tea"]);
  last(sockets).say({ ...INBOX, version: 1, event: { type: "resumed" } });
  changed(last(sockets), 2, "create", milk);
  changed(last(sockets), 3, "update", { id: "t1", text: "green tea" });
  assert.deepEqual(group.items, [{ id: "t1", text: "green tea" }, milk]);
});

test("a gap makes a group ask again", async () => {
  const { group, socket } = await inbox();
  synced(socket, 4, tea);
  changed(socket, 6, "create", milk);
  assert.deepEqual([group.items, last(socket.sent).type, last(socket.sent).data.version], [[tea], "join", 4]);
});

test("a server that cannot look now is asked again", async () => {
  const { group, socket } = await inbox();
  const error = { code: "STREAM_UNAVAILABLE", message: "try again later" };
  socket.say({ ...INBOX, event: { type: "event", event: { type: "error", data: error } } });
  assert.deepEqual([group.status, group.error?.code, socket.sent.length], ["connecting", "stream.unavailable", 1]);
  mock.timers.tick(2000);
  assert.equal(socket.sent.length, 2);
  synced(socket, 1, tea);
  assert.deepEqual([group.status, group.error], ["live", undefined]);
});

test("names that no server takes are refused at once", () => {
  const { client } = fakeApp();
  assert.throws(() => client.group("todo", ""), /groupId: expected a text of 1 to 1024 characters, got 0/);
  assert.throws(() => client.item("todo", "inbox", undefined as never), /id: expected .* got undefined/);
});

test("a denied subscription says so, and is asked for again with the next connection", async () => {
  const { group, socket, sockets } = await inbox();
  const ready = group.ready();
  const error = { code: "STREAM_ACCESS_DENIED", message: "not yours" };
  socket.say({ ...INBOX, event: { type: "event", event: { type: "error", data: error } } });
  assert.deepEqual([group.status, group.error?.message], ["denied", "not yours"]);
  await assert.rejects(ready, { code: "stream.access_denied" });
  socket.cut();
  assert.equal(group.status, "denied");
  mock.timers.tick(250);
  await settled();
  last(sockets).open();
  synced(last(sockets), 1, tea);
  assert.deepEqual([group.status, group.items], ["live", [tea]]);
});

test("an item that is refused does not close its group", async () => {
  const { client, sockets } = fakeApp();
  const group = client.group<Todo>("todo", "inbox");
  const item = client.item<Todo>("todo", "inbox", "t1");
  await settled();
  last(sockets).open();
  synced(last(sockets), 1, tea);
  const error = { code: "STREAM_LIMIT_REACHED", message: "too many" };
  last(sockets).say({ ...INBOX, id: "t1", event: { type: "event", event: { type: "error", data: error } } });
  assert.deepEqual([group.status, item.status, item.error?.code], ["live", "denied", "stream.limit_reached"]);
});

test("a step's own event named error is a signal like any other", async () => {
  const { group, socket } = await inbox();
  synced(socket, 1);
  const heard: unknown[] = [];
  group.on("error", (data) => heard.push(data));
  for (const data of [null, "x", { code: 7 }, { code: "MINE" }]) {
    socket.say({ ...INBOX, event: { type: "event", event: { type: "error", data } } });
  }
  assert.deepEqual([heard.length, group.status], [4, "live"]);
});

test("changes are read one by one, and end with the subscription", async () => {
  const { group, socket } = await inbox();
  const changes = group.changes();
  synced(socket, 1, tea);
  changed(socket, 2, "create", milk);
  socket.say({ ...INBOX, event: { type: "event", event: { type: "cheer", data: 3 } } });
  group.close();
  const read = [];
  for await (const change of changes) read.push(change);
  assert.deepEqual(read, [
    { type: "sync", items: [tea] },
    { type: "create", item: milk },
    { type: "signal", signal: { type: "cheer", data: 3 } },
  ]);
});

test("a slow reader holds a bounded number of changes and still ends where the server is", async () => {
  const { group, socket } = await inbox();
  const changes = group.changes({ limit: 4 });
  synced(socket, 0);
  for (let version = 1; version <= 1000; version++) {
    changed(socket, version, "create", { id: `t${version % 10}`, text: `${version}` });
  }
  group.close();
  const items = new Map<string, Todo>();
  let read = 0;
  for await (const change of changes) {
    read += 1;
    if (change.type === "sync") items.clear();
    if (change.type === "sync") change.items.forEach((item) => items.set(item.id, item));
    else if (change.type !== "signal") items.set(change.item.id, change.item);
  }
  assert.ok(read <= 4, `${read}`);
  assert.deepEqual([...items.values()].sort(byId), [...group.items].sort(byId));
});

test("reading stops with break, and nothing is kept for it", async () => {
  const { group, socket } = await inbox();
  synced(socket, 1, tea);
  for await (const change of group.changes()) {
    assert.deepEqual(change, { type: "sync", items: [tea] });
    break;
  }
  changed(socket, 2, "create", milk);
  assert.equal(group.status, "live");
});

test("a listener that throws keeps nobody else from hearing", async () => {
  const { group, socket } = await inbox();
  const thrown: unknown[] = [];
  mock.method(globalThis, "queueMicrotask", (task: () => void) => assert.throws(task, (error) => thrown.push(error) > 0));
  let heard = 0;
  group.subscribe(() => {
    throw new Error("mine");
  });
  group.subscribe(() => (heard += 1));
  synced(socket, 1, tea);
  mock.restoreAll();
  assert.deepEqual([heard, String(thrown[0])], [1, "Error: mine"]);
});

test("a closed subscription leaves, and hears nothing", async () => {
  const { group, socket } = await inbox();
  synced(socket, 1, tea);
  let heard = 0;
  group.subscribe(() => (heard += 1));
  group.close();
  assert.equal(last(socket.sent).type, "leave");
  assert.equal(last(socket.sent).data.subscriptionId, group.subscriptionId);
  changed(socket, 2, "create", milk);
  assert.deepEqual([heard, group.items, group.status], [1, [tea], "closed"]);
});

function byId(one: Todo, other: Todo): number {
  return one.id.localeCompare(other.id);
}
