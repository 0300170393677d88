// Types of the package `motia`. What a project's own steps add, `motia generate types` writes to types.d.ts.

// Schemas ------------------------------------------------------------------------------------------------

/** What a schema of Zod, or of any library with the Standard Schema mark, makes of its input. */
export type Infer<S> = S extends { readonly _output: infer O }
  ? O
  : S extends { readonly '~standard': { readonly types?: { readonly output: infer O } | undefined } }
    ? O
    : any
/** A schema of Zod 3 or 4, a Standard Schema, or a JSON Schema as a plain object. */
export type Schema = object
type Duration = number | string

// What `motia generate types` fills ----------------------------------------------------------------------

/** Handlers by the name of their step: `Handlers['CreateOrder']`. */
export interface StepHandlers {}
/** The data of a step's messages, by its id. */
export interface StepInputs {}
/** The data of each topic. */
export interface Topics {}
/** Realtime streams by name. */
export interface FlowContextStateStreams {}

/** `Handlers['Name']` of a named step, or `Handlers<typeof config>` of a config. */
export type Handlers<C = void> = [C] extends [void] ? StepHandlers : StepHandler<C>

// Requests -----------------------------------------------------------------------------------------------

export interface ApiRequest<Body = any, Query = Record<string, string | string[]>, Params = Record<string, string>> {
  method: string
  path: string
  route: string
  body: Body
  headers: Record<string, string>
  pathParams: Params
  params: Params
  queryParams: Query
  query: Query
  cookies: Record<string, string>
  rawBody: string
  rawBytes: Uint8Array
  client?: string
  /** The same request: `({ request, response }) => …`. */
  request: ApiRequest<Body, Query, Params>
  requestBody: { stream: AsyncIterable<Uint8Array>; readAll(): Promise<Uint8Array> }
  response: HttpResponse
  /** Whatever middleware puts there. */
  [name: string]: any
}
export type Request<Body = any> = ApiRequest<Body>
export type MotiaHttpArgs<Body = any> = ApiRequest<Body>

/** Writes a response piece by piece. */
export interface HttpResponse {
  status(status: number): this
  headers(headers: Record<string, string>): this
  stream: { write(chunk: string | Uint8Array): boolean; end(): unknown; [name: string]: any }
  write(chunk: string | Uint8Array): boolean
  close(): void
}
export interface ApiResponse<Status extends number = number, Body = any> {
  status: Status
  body?: Body
  headers?: Record<string, string | string[]>
  cookies?: Record<string, any>
}

// Context ------------------------------------------------------------------------------------------------

export type LogMethod = (message: unknown, data?: unknown) => void
export interface Logger {
  debug: LogMethod
  info: LogMethod
  warn: LogMethod
  warning: LogMethod
  error: LogMethod
  exception: LogMethod
}
export interface UpdateOperation {
  type: 'set' | 'merge' | 'increment' | 'decrement' | 'append' | 'remove'
  path?: string | (string | number)[]
  value?: unknown
  by?: number
}
export interface Changed<T> {
  old_value: T | null
  new_value: T | null
  version: number
}
/** Key-value state, shared by the steps of all languages. */
export interface InternalStateManager {
  get<T = any>(scope: string, key: string): Promise<T | null>
  entry<T = any>(scope: string, key: string): Promise<{ value: T | null; version: number }>
  set<T>(scope: string, key: string, value: T, options?: { ttl?: Duration; ifVersion?: number }): Promise<T>
  delete<T = any>(scope: string, key: string): Promise<T | null>
  update<T = any>(
    scope: string,
    key: string,
    operations: UpdateOperation | UpdateOperation[],
    options?: { ttl?: Duration },
  ): Promise<Changed<T> | null>
  increment(scope: string, key: string, by?: number): Promise<number>
  getGroup<T = any>(scope: string): Promise<T[]>
  list<T = any>(scope: string): Promise<T[]>
  entries<T = any>(scope: string): Promise<Record<string, T>>
  listGroups(): Promise<string[]>
  clear(scope: string): Promise<void>
}
export type StateManager = InternalStateManager
export type StreamItem<T> = T & { id: string; [name: string]: any }
export interface MotiaStream<T = any> {
  get(groupId: string, id: string): Promise<StreamItem<T> | null>
  set(groupId: string, id: string, data: T): Promise<StreamItem<T>>
  delete(groupId: string, id: string): Promise<StreamItem<T> | null>
  update(groupId: string, id: string, operations: UpdateOperation | UpdateOperation[]): Promise<Changed<T> | null>
  list(groupId: string): Promise<StreamItem<T>[]>
  getGroup(groupId: string): Promise<StreamItem<T>[]>
  send<E = unknown>(channel: { groupId: string; id?: string }, event: { type: string; data: E }): Promise<void>
}
export interface Sending {
  /** Messages of one group run one after the other. */
  group?: string
  messageGroupId?: string
  delay?: Duration
  at?: Date | string | number
}
type KnownMessage = { [T in keyof Topics]: { topic: T; data: Topics[T] } & Sending }[keyof Topics]
export type Message = [keyof Topics] extends [never] ? { topic: string; data?: any } & Sending : KnownMessage | ({ topic: string & {}; data?: any } & Sending)
export interface Enqueuer {
  (message: Message): Promise<string>
  (messages: Message[]): Promise<string[]>
  <T extends keyof Topics>(topic: T, data: Topics[T], options?: Sending): Promise<string>
  (topic: string, data?: any, options?: Sending): Promise<string>
}
export interface BulkEnqueuer {
  <T extends keyof Topics>(topic: T, items: Iterable<Topics[T]>, options?: Sending): Promise<string>
  (topic: string, items: Iterable<any>, options?: Sending): Promise<string>
}
/** Where the messages of one `enqueueMany` stand: one for each queue that each item went to. */
export interface BulkState {
  id: string
  total: number
  completed: number
  waiting: number
  running: number
  dead: number
  /** Cancelled, expired, purged, or replaced by a later one: they will not complete. */
  cancelled: number
  startedAt: Date
}
export interface StepTrigger {
  <K extends keyof StepInputs>(id: K, data: StepInputs[K], options?: Sending): Promise<string>
  (id: string, data?: any, options?: Sending): Promise<string>
}
export interface TriggerInfo {
  type: 'http' | 'queue' | 'cron' | 'state' | 'stream' | 'at'
  index: number | null
  topic?: string
  method?: string
  path?: string
  expression?: string
}
export type TriggerKind = 'http' | 'api' | 'queue' | 'event' | 'cron' | 'state' | 'stream'
export interface Waiting {
  /** Fields of the payload and what they equal; a dot leads into an object. */
  match?: Record<string, unknown>
  timeout?: Duration
  /** Waits for one topic at the same time need one each. */
  key?: string
}
/** How a step of a workflow is tried, and how it is undone. */
export interface DurableStep<T> {
  /** Called with the step's result when the run fails for good or is cancelled, the last step first. */
  undo?: (result: T) => unknown
  /** Tells runs that began with an older meaning of the step apart. */
  version?: number
  /** Steps of one name at the same time need one each. */
  key?: string
  /** How often it is tried again before it fails for good; 0 = a failure is the handler's. */
  retries?: number
  /** Before the first retry, then doubling; one second without it. */
  delay?: Duration
  timeout?: Duration
}
/** What a person is asked by `ctx.approval`. */
export interface Approval {
  /** The step's name without it. */
  title?: string
  message?: string
  /** Until when it can be answered; seven days without it. */
  expires?: Duration
  /** Called once with the link, as a step of its own: mail it, post it. */
  notify?: (link: string) => unknown
  /** Questions at the same time need one each. */
  key?: string
}
/** A run of a workflow at one moment. */
export interface RunState {
  id: string
  step: string
  status: 'running' | 'suspended' | 'held' | 'completed' | 'failed' | 'cancelled'
  /** What it said last with `ctx.setCustomStatus`; null where it has said nothing. */
  customStatus: any
  output: any
  /** Why it did not end well. */
  error: { code: string; message: string; type?: string } | null
  /** When it goes on by itself, if it sleeps. */
  dueAt: Date | null
}
export interface FlowContext<_Emits = any, Input = any> {
  traceId: string
  trace_id: string
  /** The header of W3C Trace Context with which another service continues this trace. */
  traceparent: string
  attempt: number
  stepName: string
  flows: string[]
  messageId: string | null
  deadline: Date | null
  /** Aborted when the handler should stop. */
  signal: AbortSignal
  cancelled: boolean
  user: any
  logger: Logger
  state: InternalStateManager
  streams: FlowContextStateStreams & Record<string, MotiaStream>
  emit: Enqueuer
  enqueue: Enqueuer
  /** A message for each item, all in one commit; resolves with the id of the bulk. */
  enqueueMany: BulkEnqueuer
  queue: {
    bulk(id: string): Promise<BulkState | null>
    /** End what is left of a bulk: resolves with how many messages that were. */
    cancelBulk(id: string): Promise<number>
  }
  triggerStep: StepTrigger
  /** What another step returns. Where a queue drives the handler the run waits for it without holding anything. */
  call<T = any>(id: string, data?: unknown, options?: { key?: string; durable?: boolean }): Promise<T>
  /** Id of the run: that of its message, the same over all attempts. */
  runId: string
  /** Call `work` once in the life of the run. With a `timeout` it is given a signal. */
  step<T>(name: string, work: (signal: AbortSignal) => T | Promise<T>, options: DurableStep<T> & { timeout: Duration }): Promise<T>
  step<T>(name: string, work: () => T | Promise<T>, options?: DurableStep<T>): Promise<T>
  /** From two seconds on the run holds no memory meanwhile. */
  sleep(duration: Duration): Promise<void>
  sleepUntil(when: Date | string | number): Promise<void>
  /** The first event of the topic whose fields equal `match`. Failure: `WorkflowError` `workflow.wait_timed_out`. */
  waitFor<T extends keyof Topics>(topic: T, options?: Waiting): Promise<Topics[T]>
  waitFor<T = any>(topic: string, options?: Waiting): Promise<T>
  waitForSignal<T = any>(name: string, options?: { timeout?: Duration }): Promise<T>
  /**
   * Ask a person under a signed link, and wait for the answer; it has the form of the schema.
   * Failure: `ApprovalExpiredError` where nobody answered in time.
   */
  approval<S extends Schema>(schema: S, options?: Approval): Promise<Infer<S>>
  /** Say where the run stands, to whoever asks by `getRun`. */
  setCustomStatus(value: unknown): Promise<void>
  /** How a run stands, from any handler; null where there is no such run. `step` says which, where several run the message. */
  getRun(runId: string, options?: { step?: string }): Promise<RunState | null>
  /** Several durable calls at once. The first failure counts, once all have ended. */
  gather<T extends readonly unknown[]>(calls: readonly [...T]): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }>
  gather<T extends readonly unknown[]>(...calls: T): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }>
  sendSignal(runId: string, name: string, data?: unknown): Promise<void>
  atomic<T>(work: () => T | Promise<T>, options?: { settle?: boolean }): Promise<T>
  trigger: TriggerInfo
  is: Record<TriggerKind, (input?: unknown) => boolean>
  getData(): any
  match<T = any>(branches: Partial<Record<TriggerKind | 'default', (input: any) => T | Promise<T>>>): Promise<T>
  utils: { dates: { now(): Date; iso(): string } }
}

// Triggers and configs -----------------------------------------------------------------------------------

export type ApiRouteMethod = 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH' | 'OPTIONS' | 'HEAD'
export type ApiMiddleware<Body = any, _Response = any, _Emits = any> = (
  request: ApiRequest<Body>,
  ctx: FlowContext,
  next: (request?: ApiRequest) => Promise<any>,
) => any
export type TriggerCondition = (input: any, ctx: FlowContext) => unknown
export type Emit = string | { topic: string; label?: string; conditional?: boolean }
export interface QueryParam {
  name: string
  description?: string
}
/** How the queue of a trigger hands out its messages. */
export interface QueuePolicy {
  /** Runs at once, over all nodes: in all, or for each value of a payload field. */
  concurrency?: number | { limit: number; key?: string; total?: number }
  /** Starts within any period: `'100/minute'`. */
  rateLimit?: string | { limit: number; period: Duration; key?: string }
  /** Of every message, or the payload field that holds it. The higher, the sooner. */
  priority?: number | string
  /** A repeat of the payload, or of a field of it, is not stored. */
  dedupe?: boolean | string | { key?: string; window?: Duration }
  /** Of a burst only the last runs. */
  debounce?: Duration | { period: Duration; key?: string; max?: Duration }
  /** The handler gets a list. */
  batch?: number | { size: number; wait?: Duration }
  /** No attempt begins later than that after the message was stored. */
  ttl?: Duration
  /** Step or topic that is told when a message dies. */
  onFailure?: string
  /** When to try again; false: never; nothing: as the policy says. */
  retry?: number | boolean | object | ((error: { name: string; message: string; code: string }, attempt: number) => Duration | boolean | null | undefined | void)
  jitter?: number
  attempts?: number
  retries?: number
  maxRetries?: number
  timeout?: Duration
  delay?: Duration
  delaySeconds?: number
  fifo?: boolean
  groupBy?: string
  backoff?: 'exponential' | 'fixed'
  retryDelay?: Duration
  maxDelay?: Duration
  visibilityTimeout?: number
  type?: 'fifo' | 'standard'
  [key: string]: any
}
export interface HttpOptions {
  bodySchema?: Schema
  querySchema?: Schema
  paramsSchema?: Schema
  responseSchema?: Schema | Record<number, Schema>
  queryParams?: readonly (QueryParam | string)[]
  middleware?: readonly ApiMiddleware[]
  auth?: (request: ApiRequest, ctx: FlowContext) => unknown
  security?: object
  condition?: TriggerCondition
  timeout?: Duration
  maxBodyBytes?: number
  /** A request that is repeated with the same key gets the recorded response. */
  idempotency?: boolean | string | { header?: string; window?: Duration; required?: boolean }
}
export interface HttpTrigger extends HttpOptions {
  readonly type: 'http' | 'api'
  readonly method: ApiRouteMethod
  readonly path: string
}
export interface QueueTrigger extends Omit<QueuePolicy, 'type'> {
  readonly type: 'queue' | 'event'
  readonly topic: string
  readonly input?: Schema | null
  readonly condition?: TriggerCondition
  readonly config?: QueuePolicy
  readonly infrastructure?: Infrastructure
}
export interface CronTrigger {
  readonly type: 'cron'
  readonly expression?: string
  readonly cron?: string
  readonly timezone?: string
  readonly condition?: TriggerCondition
}
export interface StateTrigger {
  readonly type: 'state'
  readonly scope?: string
  readonly key?: string
  readonly condition?: TriggerCondition
}
export interface StreamTrigger {
  readonly type: 'stream'
  readonly streamName: string
  readonly groupId?: string
  readonly itemId?: string
  readonly condition?: TriggerCondition
}
export interface TimeTrigger {
  readonly type: 'at'
  readonly at: string | number
  readonly condition?: TriggerCondition
}
export type Trigger = HttpTrigger | QueueTrigger | CronTrigger | StateTrigger | StreamTrigger | TimeTrigger
export interface Infrastructure {
  handler?: { ram?: number; cpu?: number; timeout?: number }
  queue?: QueuePolicy
}
export interface StateTriggerInput<T = any> {
  type: 'state'
  event_type: string
  group_id: string
  item_id: string
  scope: string
  key: string
  old_value: T | null
  new_value: T | null
}
export interface StreamTriggerInput<T = any> {
  type: 'stream'
  streamName: string
  groupId: string
  id: string
  event: { type: 'create' | 'update' | 'delete'; data: T }
}
interface Described {
  readonly name: string
  readonly description?: string
  readonly flows?: readonly string[]
  readonly virtualEmits?: readonly Emit[]
  readonly virtualEnqueues?: readonly Emit[]
  readonly virtualSubscribes?: readonly string[]
  readonly includeFiles?: readonly string[]
}
export interface StepConfig extends Described {
  readonly triggers: readonly Trigger[]
  readonly enqueues?: readonly Emit[]
  readonly emits?: readonly Emit[]
}
export interface ApiRouteConfig extends Described, HttpOptions {
  type: 'api'
  path: string
  method: ApiRouteMethod
  emits?: readonly Emit[]
}
export interface EventConfig<_Input = any> extends Described {
  type: 'event'
  subscribes: readonly string[]
  emits?: readonly Emit[]
  input?: Schema | null
  infrastructure?: Infrastructure
}
export interface CronConfig extends Described {
  type: 'cron'
  cron: string
  emits?: readonly Emit[]
}
export interface NoopConfig extends Described {
  type: 'noop'
  virtualEmits: readonly Emit[]
  virtualSubscribes: readonly string[]
}
export interface StreamSubscription {
  groupId: string
  id?: string
}
export interface StreamConfig {
  name: string
  description?: string
  schema: Schema
  baseConfig?: { storageType: 'default' | 'custom'; [key: string]: any }
  canAccess?(subscription: StreamSubscription, authContext: any): boolean | Promise<boolean>
  onJoin?(subscription: StreamSubscription, context: any, authContext?: any): unknown
  onLeave?(subscription: StreamSubscription, context: any, authContext?: any): unknown
}

/** The connection that asks to follow streams. */
export interface StreamAuthInput {
  headers: Record<string, string>
  url: string
  path: string
  queryParams: Record<string, string[]>
  query_params: Record<string, string[]>
  addr: string
  /** Of `Authorization: Bearer …`, of the subprotocols `Authorization, …`, or of `?authToken=`. */
  token: string | null
}
/** Who a client is, or nothing to turn it away. */
export type AuthenticateStream = (request: StreamAuthInput, ctx: FlowContext) => unknown

// Handlers -----------------------------------------------------------------------------------------------

type InputOf<T> = T extends { type: 'http' | 'api' }
  ? ApiRequest<T extends { bodySchema: infer S } ? Infer<S> : any>
  : T extends { type: 'queue' | 'event' }
    ? T extends { input: infer S }
      ? Infer<S>
      : any
    : T extends { type: 'state' }
      ? StateTriggerInput
      : T extends { type: 'stream' }
        ? StreamTriggerInput
        : any
/** The handler of a config: `Handlers<typeof config>`. */
export type StepHandler<C> = (
  input: C extends { triggers: readonly (infer T)[] } ? InputOf<T> : any,
  ctx: FlowContext,
) => any
export type ApiRouteHandler<Body = any, Response = any, Emits = any> = (
  request: ApiRequest<Body>,
  ctx: FlowContext<Emits>,
) => Promise<Response> | Response
export type EventHandler<Input = any, Emits = any> = (input: Input, ctx: FlowContext<Emits>) => any
export type CronHandler<Emits = any> = (ctx: FlowContext<Emits>) => any

export class StepDefinition<C = any> {
  readonly config: C
  readonly handler: (...args: any[]) => any
}
type AnyHandler = (input: any, ctx: FlowContext) => any
export function step<const C extends StepConfig>(config: C, handler: StepHandler<C>): StepDefinition<C>
export function step<const C extends StepConfig>(config: C): { config: C; handle(handler: StepHandler<C>): StepDefinition<C> }
export interface MultiTriggerStep<C> {
  config: C
  onHttp(handler: AnyHandler): this
  onQueue(handler: AnyHandler): this
  onCron(handler: (ctx: FlowContext) => any): this
  onState(handler: AnyHandler): this
  onStream(handler: AnyHandler): this
  handlers(handlers?: Partial<Record<TriggerKind | 'default', (...args: any[]) => any>>): StepDefinition<C>
}
export function multiTriggerStep<const C extends StepConfig>(config: C): MultiTriggerStep<C>

interface Flowed {
  id: string
  description?: string
  flows?: readonly string[]
  enqueues?: readonly Emit[]
  emits?: readonly Emit[]
}
type Part<S, K extends string> = S extends { [P in K]: infer T } ? Infer<T> : any
type BodyOf<S> = S extends { body: infer T } ? Infer<T> : S extends { query: any } | { params: any } ? any : Infer<S>
/** A step for requests. */
export function api<S = unknown>(
  config: Flowed & Omit<HttpOptions, 'bodySchema'> & { method: ApiRouteMethod; path: string; schema?: S },
  handler: (request: ApiRequest<BodyOf<S>, Part<S, 'query'>, Part<S, 'params'>>, ctx: FlowContext) => any,
): StepDefinition
/** A trigger, as `http`. */
export function api(method: ApiRouteMethod, path: string, options?: HttpOptions | TriggerCondition, condition?: TriggerCondition): HttpTrigger
/** A step for messages to its id, or to `topic`. */
export function event<S = unknown>(
  config: Flowed & QueuePolicy & { schema?: S; topic?: string },
  handler: (data: Infer<S>, ctx: FlowContext) => any,
): StepDefinition
export function event(topic: string, options?: Partial<QueueTrigger> | TriggerCondition, condition?: TriggerCondition): QueueTrigger
/** A step for ticks. */
export function cron(
  config: Flowed & { schedule: string; timezone?: string; missed?: 'skip' | 'once' | 'all'; overlap?: 'skip' | 'queue' | 'allow' },
  handler: (ctx: FlowContext) => any,
): StepDefinition
export function cron(expression: string, options?: Partial<CronTrigger> | TriggerCondition, condition?: TriggerCondition): CronTrigger & { expression: string }
export function noop(config: Flowed, handler?: AnyHandler): StepDefinition
export function http<const O extends HttpOptions = {}>(method: ApiRouteMethod, path: string, options?: O | TriggerCondition, condition?: TriggerCondition): { type: 'http'; method: ApiRouteMethod; path: string } & O
export function queue<const O extends QueuePolicy = {}>(topic: string, options?: O | TriggerCondition, condition?: TriggerCondition): { type: 'queue'; topic: string } & O
export function state(options?: Omit<StateTrigger, 'type'> | TriggerCondition, condition?: TriggerCondition): StateTrigger
export function stream(streamName: string, options?: Omit<StreamTrigger, 'type' | 'streamName'> | TriggerCondition, condition?: TriggerCondition): StreamTrigger
export function at(when: Date | string | number, options?: Omit<TimeTrigger, 'type' | 'at'> | TriggerCondition, condition?: TriggerCondition): TimeTrigger

// Calls of the running step --------------------------------------------------------------------------------

export const enqueue: Enqueuer
export const enqueueMany: BulkEnqueuer
export const emit: Enqueuer
export const trigger: StepTrigger
export function call<T = any>(id: string, data?: unknown): Promise<T>
export const logger: Logger
export const stateManager: InternalStateManager
export const streams: FlowContextStateStreams & Record<string, MotiaStream>
export class Stream<T = any> implements MotiaStream<T> {
  constructor(config: string | (Partial<StreamConfig> & { name: string }))
  readonly name: string
  get(groupId: string, id: string): Promise<StreamItem<T> | null>
  set(groupId: string, id: string, data: T): Promise<StreamItem<T>>
  delete(groupId: string, id: string): Promise<StreamItem<T> | null>
  update(groupId: string, id: string, operations: UpdateOperation | UpdateOperation[]): Promise<Changed<T> | null>
  list(groupId: string): Promise<StreamItem<T>[]>
  getGroup(groupId: string): Promise<StreamItem<T>[]>
  send<E = unknown>(channel: { groupId: string; id?: string }, event: { type: string; data: E }): Promise<void>
}

/** Throw it to answer a request with an error. */
export class HTTPError extends Error {
  constructor(status: number, detail?: unknown, headers?: Record<string, string>)
  readonly status: number
}
/** What stopped a workflow: see its `code`. Throw one to end a run for good. */
export class WorkflowError extends Error {
  constructor(message: string, options?: { code?: string; hint?: string; retryable?: boolean; details?: object })
  readonly code: string
  readonly hint?: string
  readonly retryable: boolean
  readonly details: Record<string, any>
}
/** Nobody answered what `ctx.approval` asked in time: `workflow.approval_expired`. */
export class ApprovalExpiredError extends WorkflowError {}
/** Return it to run the message again, as a failed attempt. */
export class Retry {
  constructor(delay?: Duration, reason?: string)
}
/** Return it to run the message again, charging no attempt. */
export class Snooze {
  constructor(delay: Duration, reason?: string)
}
/** Return it to give the message up. */
export class Cancel {
  constructor(reason?: string)
}
export function jsonSchema<S>(schema: S): S
export function config<C>(value: C): C
export function defineConfig<C>(value: C): C

export const isApiTrigger: (trigger: any) => boolean
export const isQueueTrigger: (trigger: any) => boolean
export const isCronTrigger: (trigger: any) => boolean
export const isStateTrigger: (trigger: any) => boolean
export const isStreamTrigger: (trigger: any) => boolean
export const isApiStep: (config: any) => boolean
export const isQueueStep: (config: any) => boolean
export const isCronStep: (config: any) => boolean
export const isStateStep: (config: any) => boolean
export const isStreamStep: (config: any) => boolean
export const getApiTriggers: (config: any) => any[]
export const getQueueTriggers: (config: any) => any[]
export const getCronTriggers: (config: any) => any[]
export const getStateTriggers: (config: any) => any[]
export const getStreamTriggers: (config: any) => any[]

export interface Motia {
  trigger: StepTrigger
  call: typeof call
  enqueue: Enqueuer
  /** A message for each item, all in one commit; resolves with the id of the bulk. */
  enqueueMany: BulkEnqueuer
  emit: Enqueuer
  logger: Logger
  state: InternalStateManager
  stateManager: InternalStateManager
  streams: FlowContextStateStreams & Record<string, MotiaStream>
}
declare global {
  /** What a step of the function dialect calls without an import. */
  const motia: Motia
}
