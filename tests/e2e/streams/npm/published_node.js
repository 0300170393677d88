import assert from "node:assert/strict";
import { Stream } from "@motiadev/stream-client-node";
import { follow } from "./follow.js";

const [api, address, group, expected] = process.argv.slice(2);
const seen = await follow(() => new Stream(address), api, group);
assert.deepEqual(seen, JSON.parse(expected));
process.exit(0); // the client waits to reconnect, also after close()
