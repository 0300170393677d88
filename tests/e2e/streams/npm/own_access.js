// Who may follow what, as a client of ours is told it.
import assert from "node:assert/strict";
import { connect } from "@motia-steps/client";
import { WebSocket } from "ws";

const [api] = process.argv.slice(2);
async function makeAda(role) {
  const answer = await fetch(`${api}/roles`, { method: "PUT", body: JSON.stringify({ ada: role, bob: "member" }) });
  assert.equal(answer.status, 200, await answer.text());
}
const open = (token) => connect(api, { token, webSocket: WebSocket });

const guest = open(undefined).group("news", "all");
await assert.rejects(guest.ready(), { code: "stream.access_denied" });
assert.equal(guest.status, "denied");

const stranger = open("nobody").group("news", "all");
await changed(stranger, () => stranger.error !== undefined);
assert.deepEqual([stranger.status, stranger.error.code], ["connecting", "stream.disconnected"]);

await makeAda("member");
const ada = open(async () => "ada").group("news", "all");
await ada.ready();
assert.deepEqual(ada.items, []);

await makeAda("nobody");
await changed(ada, () => ada.status === "denied");
assert.equal(ada.error.code, "stream.access_denied");
process.exit(0);

function changed(subscription, isExpected) {
  return new Promise((resolve) => subscription.subscribe(() => isExpected() && resolve()));
}
