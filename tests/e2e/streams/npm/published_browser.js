import { Stream } from "@motiadev/stream-client-browser";
import { Stream as OldStream } from "stream-client-browser-0.2";
import { follow } from "./follow.js";

const classes = { current: Stream, "0.2": OldStream };

window.follow = (version, address, api, group, options) =>
  follow(() => new classes[version](address, options), api, group);
