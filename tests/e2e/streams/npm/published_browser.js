import { Stream } from "@motiadev/stream-client-browser";
import { Stream as OldStream } from "stream-client-browser-0.2";
import { follow } from "./follow.js";

const classes = { current: Stream, "0.2": OldStream };

window.follow = (version, address, api, group, options) =>
  follow(() => new classes[version](address, options), api, group);

/** The items of a group, or why it may not be followed. */
window.firstOf = (address, token, name, group) =>
  new Promise((resolve) => {
    const stream = new Stream(address, token ? { protocols: ["Authorization", token] } : {});
    const subscription = stream.subscribeGroup(name, group);
    subscription.addChangeListener(resolve);
    subscription.onEvent("error", resolve);
  });
