/** React hooks. `react` is the application's; this entry alone needs it. */
import {
  createContext,
  createElement,
  type ReactNode,
  useContext,
  useEffect,
  useState,
  useSyncExternalStore,
} from "react";
import type { StreamClient } from "./client.js";
import type { GroupSnapshot, GroupSubscription } from "./group.js";
import type { ItemSnapshot, ItemSubscription } from "./item.js";
import type { Item, Place } from "./protocol.js";
import type { Subscription } from "./subscription.js";

const ClientContext = createContext<StreamClient | undefined>(undefined);

/** Gives the hooks below it their client; who made the client closes it. */
export function StreamProvider(properties: { client: StreamClient; children?: ReactNode }): ReactNode {
  return createElement(ClientContext.Provider, { value: properties.client }, properties.children);
}

export function useStreamClient(): StreamClient {
  const client = useContext(ClientContext);
  if (!client) throw new Error("useStreamClient: expected a <StreamProvider client={…}> above, got none");
  return client;
}

export interface UseStreamGroup<T extends Item> extends GroupSnapshot<T> {
  /** For `useStreamSignal`; undefined until the component is mounted. */
  readonly subscription: GroupSubscription<T> | undefined;
}

export interface UseStreamItem<T extends Item> extends ItemSnapshot<T> {
  readonly subscription: ItemSubscription<T> | undefined;
}

/** The items of a group; rendered again when they change. Nothing is asked for while `groupId` is undefined. */
export function useStreamGroup<T extends Item>(streamName: string, groupId: string | undefined): UseStreamGroup<T> {
  const client = useStreamClient();
  const subscription = useSubscription(
    groupId === undefined ? undefined : { streamName, groupId },
    (place) => client.group<T>(place.streamName, place.groupId),
    client,
  );
  return { ...useSnapshot(subscription, NO_ITEMS), subscription };
}

/** One item; rendered again when it changes. Nothing is asked for while `groupId` or `id` is undefined. */
export function useStreamItem<T extends Item>(
  streamName: string,
  groupId: string | undefined,
  id: string | undefined,
): UseStreamItem<T> {
  const client = useStreamClient();
  const subscription = useSubscription(
    groupId === undefined || id === undefined ? undefined : { streamName, groupId, id },
    (place) => client.item<T>(place.streamName, place.groupId, place.id),
    client,
  );
  return { ...useSnapshot(subscription, NO_ITEM), subscription };
}

/** Calls `listener` with the data of each signal of a type, as long as the component is mounted. */
export function useStreamSignal<T>(
  subscription: Subscription<unknown, unknown> | undefined,
  type: string,
  listener: (data: T) => void,
): void {
  useEffect(() => subscription?.on<T>(type, listener), [subscription, type, listener]);
}

const NO_ITEMS: GroupSnapshot<never> = { items: [], status: "connecting", error: undefined };
const NO_ITEM: ItemSnapshot<never> = { item: undefined, status: "connecting", error: undefined };

/** The subscription of a place while mounted. Made in an effect: a render that React throws away joins nothing. */
function useSubscription<P extends Place, S extends { readonly place: Place; close(): void }>(
  place: P | undefined,
  subscribe: (place: P) => S,
  client: StreamClient,
): S | undefined {
  const [made, setMade] = useState<{ readonly subscription: S; readonly key: string; readonly client: StreamClient }>();
  const key = JSON.stringify(place);
  useEffect(() => {
    if (place === undefined) return undefined;
    const subscription = subscribe(place);
    setMade({ subscription, key, client });
    return () => subscription.close();
  }, [client, key]);
  // Between new arguments and their effect there is nothing to show, and above all not the old place's data.
  return made?.key === key && made.client === client ? made.subscription : undefined;
}

function useSnapshot<S>(subscription: Subscription<S, unknown> | undefined, before: S): S {
  return useSyncExternalStore(
    subscription?.subscribe ?? subscribeToNothing,
    () => subscription?.snapshot ?? before,
    () => before,
  );
}

const subscribeToNothing = (): (() => void) => () => {};
