// What an application does with a published client, from the outside: `api` is the running app, `Stream` the
// client. The same in Node and in a browser. Resolves with what was seen, for the test to compare.

/** Resolves when the state of a subscription is as expected; a test's own limit ends a wait in vain. */
export function until(subscription, isExpected) {
  return new Promise((resolve) => {
    const look = (state) => {
      if (!isExpected(state)) return;
      subscription.removeChangeListener(look);
      resolve(state);
    };
    subscription.addChangeListener(look);
    look(subscription.getState());
  });
}

const texts = (items) => (items ?? []).map(({ id, text }) => `${id}=${text}`).join(" ");

export async function follow(makeStream, api, group) {
  const call = (method, path, body) =>
    fetch(`${api}${path}`, {
      method,
      headers: { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    }).then((answer) => {
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status}`);
      return answer.json();
    });
  const item = (id) => `/todo/${encodeURIComponent(group)}/${id}`;
  const seen = {};

  await call("PUT", item("t1"), { text: "tea" });
  const stream = makeStream();
  const list = stream.subscribeGroup("todo", group);
  seen.sync = texts(await until(list, (items) => items.length === 1));

  const one = stream.subscribeItem("todo", group, "t1");
  seen.itemSync = (await until(one, (state) => state !== null)).text;

  await call("PUT", item("t2"), { text: "milk" });
  seen.create = texts(await until(list, (items) => items.length === 2));

  // Several updates in one commit share a millisecond; the last must be what is shown in the end.
  await call("POST", `${item("t1")}/hurry`, { times: 20 });
  await until(one, (state) => state.text === "19");
  seen.hurry = texts(await until(list, (items) => items.some(({ text }) => text === "19")));

  const signals = [];
  const told = new Promise((resolve) => {
    list.onEvent("cheer", (data) => signals.push(["group", data]) === 2 && resolve());
    one.onEvent("cheer", (data) => signals.push(["item", data]) === 2 && resolve());
  });
  await call("POST", `${item("t1")}/send`, { type: "cheer", data: { loud: true } });
  await told;
  seen.signals = signals.sort();

  await call("DELETE", item("nobody"));
  await call("DELETE", item("t1"));
  await until(one, (state) => state === null);
  seen.delete = texts(await until(list, (items) => items.length === 1));

  // Of another group with the same id: not ours.
  await call("PUT", `/todo/${encodeURIComponent(`${group} too`)}/t2`, { text: "not ours" });
  one.close();
  await call("PUT", item("t2"), { text: "oat milk" });
  seen.update = texts(await until(list, (items) => items.some(({ text }) => text === "oat milk")));

  // The node dies; the client comes back by itself and joins again.
  await fetch(`${api}/die`, { method: "POST" }).catch(() => undefined);
  while (!(await call("PUT", item("t3"), { text: "bread" }).then(() => true, () => false))) {
    await new Promise((resolve) => setTimeout(resolve, 100)); // no node serves yet
  }
  seen.afterRestart = texts(await until(list, (items) => items.length === 2));

  stream.close();
  return seen;
}
