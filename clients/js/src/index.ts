export { connect, StreamClient, type StreamClientOptions } from "./client.js";
export type { Token, WebSocketClass, WebSocketLike } from "./connection.js";
export { StreamError } from "./errors.js";
export type { GroupChange, GroupSnapshot, GroupSubscription } from "./group.js";
export type { ItemChange, ItemSnapshot, ItemSubscription } from "./item.js";
export type { Item, Place, Signal } from "./protocol.js";
export type { SignalChange, Status } from "./subscription.js";
