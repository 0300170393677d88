// Runs a step in a test, without a server: state, messages and streams are kept in memory.

export interface TestRun {
  /** What the handler returned: for a request, a response's `status`, `body` and `headers` as it gave them. */
  value: any
  /** `retry`, `snooze`, `cancelled` or `suspended`; absent where it succeeded. */
  outcome?: string
  /** What the run said last with `ctx.setCustomStatus`. */
  customStatus?: any
  /** Messages that were put, in order; those to one step have `step` instead of `topic`. */
  enqueued: { topic?: string; step?: string; data: any; group?: string; delay_s?: number }[]
  logs: { level: 'debug' | 'info' | 'warning' | 'error'; message: string; data?: any }[]
}
export interface TestRequest {
  method?: string
  body?: any
  query?: Record<string, string | string[]>
  params?: Record<string, string>
  headers?: Record<string, string>
}
export interface TestOptions {
  /** Scope → key → value; changed by the run. */
  state?: Record<string, Record<string, any>>
  /** Stream → group → id → item; changed by the run. */
  streams?: Record<string, Record<string, Record<string, any>>>
  traceId?: string
  attempt?: number
  user?: any
  /** What `ctx.waitFor(topic, { match })` finds, by topic; the run ends as suspended where nothing matches. */
  events?: Record<string, any[]>
  /** What `ctx.waitForSignal(name)` gives, by name. */
  signals?: Record<string, any>
  /** What people answer to `ctx.approval`, in order; the run ends as suspended where nobody answers. */
  approvals?: any[]
  /** What `ctx.getRun(id)` finds, by id. */
  runs?: Record<string, Partial<import('motia').RunState>>
  /** What `ctx.call(id, data)` gives, by id. */
  calls?: Record<string, (data: any) => any>
}
export interface StepTester {
  config: Record<string, any>
  /** Answer a request: schemas, auth, middleware and the handler. Failure: what they throw. */
  request(request?: TestRequest, options?: TestOptions): Promise<TestRun>
  /** Take a message. */
  message(data: any, options?: TestOptions): Promise<TestRun>
  /** A tick of a cron trigger. */
  tick(options?: TestOptions): Promise<TestRun>
}
/** The step of an imported module (`config` and `handler`, or a default export), or of `step(…)`. */
export function testStep(step: any): StepTester
