/** The shapes of the console API; docs/reference/console-api.md is their text. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
export type Schema = { [key: string]: Json }

export type List<T> = { items: T[]; next: string | null; total?: number }

export type Session = {
  authenticated: boolean
  read_only?: boolean
  mode?: Mode
  project?: string
  version?: string
}
export type Mode = 'development' | 'production'

export type Problem = {
  message: string
  code: string
  path?: string
  line?: number
  step?: string
  hint?: string
}
export type Project = {
  name: string
  version: string
  mode: Mode
  read_only: boolean
  boot_id: string
  registry_version: string
  timezone: string
  languages: string[]
  nodes: number
  api_url: string
  counts: {
    steps: number
    flows: number
    endpoints: number
    topics: number
    crons: number
    streams: number
  }
  problems: Problem[]
  notices: string[]
  thresholds: Thresholds
  tracing: { enabled: boolean; detail: 'full' | 'lean'; max_bytes: number }
  plugins: PluginTab[]
}
export type Thresholds = { latency_ms: number; error_rate: number }
export type PluginTab = { name: string; label: string; icon: string; page: string }

export type Language = 'python' | 'typescript' | 'javascript' | 'ruby' | 'go'
export type Kind = 'http' | 'queue' | 'cron' | 'state' | 'stream' | 'at' | 'manual'
export type Status = 'running' | 'ok' | 'cancelled' | 'timeout' | 'error' | 'crashed'

export type Policy = {
  concurrency: number | null
  max_attempts: number
  first_delay_s: number
  max_delay_s: number
  timeout_s: number | null
  delay_s: number
  fifo: boolean
  group_by: string | null
}
export type Trigger =
  | { kind: 'http'; method: string; path: string; condition: boolean; auth: boolean; middleware: number }
  | { kind: 'queue'; topic: string; condition: boolean; policy: Policy }
  | {
      kind: 'cron'
      expression: string
      timezone: string
      missed: string
      overlap: string
      condition: boolean
      policy: Policy
    }
  | { kind: 'state'; scope: string | null; key: string | null; condition: boolean; policy: Policy }
  | {
      kind: 'stream'
      stream: string
      group_id: string | null
      item_id: string | null
      condition: boolean
      policy: Policy
    }
  | { kind: 'at'; at_ms: number; policy: Policy }
export type Emission = { topic: string; label: string; conditional: boolean }
export type Step = {
  name: string
  description: string
  kinds: Kind[]
  noop: boolean
  flows: string[]
  path: string
  line: number
  language: Language
  dialect: string
  triggers: Trigger[]
  emits: Emission[]
  virtual_subscribes: string[]
}
export type StepDetail = Step & {
  input_schemas: { trigger: number; where: 'body' | 'query' | 'params' | 'message'; schema: Schema }[]
  response_schemas: { trigger: number; status: number; schema: Schema }[]
}
export type SourceText = {
  path: string
  language: Language
  text: string
  truncated: boolean
  definition_line: number
  handler: { first_line: number; last_line: number } | null
}
export type Running = {
  step: string
  kind: Kind
  attempt: number
  trace_id: string
  span_id: string
  started_ms: number
}

export type FlowSummary = { name: string; steps: number; described: number }
export type Position = {
  x: number
  y: number
  source_handle?: 'bottom' | 'right'
  target_handle?: 'top' | 'left'
}
export type FlowNode =
  | { id: string; kind: 'step'; step: Step; runs: number; failures: number; last_ms: number | null }
  | { id: string; kind: 'topic'; topic: string }
  | { id: string; kind: 'state'; scope: string | null; key: string | null }
  | { id: string; kind: 'stream'; stream: string }
export type FlowEdge = {
  id: string
  source: string
  target: string
  kind: 'topic' | 'virtual' | 'state' | 'stream' | 'call'
  topic: string
  label: string
  conditional: boolean
  declared: boolean
  seen: { runs: number; failures: number; last_ms: number } | null
}
export type Flow = {
  name: string
  nodes: FlowNode[]
  edges: FlowEdge[]
  positions: { [node_id: string]: Position }
}

export type Endpoint = {
  id: string
  step: string
  method: string
  path: string
  description: string
  flows: string[]
  path_params: string[]
  query: { name: string; description: string }[]
  params_schema: Schema | null
  query_schema: Schema | null
  body_schema: Schema | null
  responses: { status: number; schema: Schema }[]
  auth: Json | null
  max_body_bytes: number
  timeout_s: number
  example: Json | null
}
export type Topic = {
  topic: string
  subscribers: string[]
  emitters: string[]
  schema: Schema | null
  example: Json | null
}
export type Sent = {
  message_id: string
  trace_id: string
  queues: { topic: string; step: string }[]
  warning: string | null
}
export type ErrorFields = { code: string; type: string; message: string; stack: string; hint?: string }
export type Called = {
  trace_id: string
  duration_us: number
  ok: boolean
  result?: Json
  error?: ErrorFields
}
export type Rerun = Sent | (Called & { http_status?: number })
export type Cron = {
  step: string
  trigger: number
  expression: string
  timezone: string
  missed: string
  overlap: string
  next_ms: number[]
  last_fired_ms: number | null
  last: { trace_id: string; status: Status; started_ms: number } | null
}

export type Queue = {
  topic: string
  step: string
  kind: Kind
  defined: boolean
  policy: Policy | null
  ready: number
  scheduled: number
  blocked: number
  claimed: number
  dead: number
  oldest_ready_at_ms: number | null
}
export type Scheduled = {
  id: string
  topic: string
  step: string
  due_at_ms: number
  failures: number
  trace_id: string
}
export type DeadLetter = {
  id: string
  topic: string
  step: string
  code: string
  error: ErrorFields | null
  earlier_errors: ErrorFields[]
  data: Json
  failures: number
  crashes: number
  group: string | null
  enqueued_at_ms: number
  died_at_ms: number
  trace_id: string
  cause: string
}
export type DeadGroup = {
  cause: string
  topic: string
  step: string
  code: string
  type: string
  message: string
  count: number
  first_ms: number
  last_ms: number
  sample_id: string
}
export type Selection = { ids?: string[]; topic?: string; step?: string; cause?: string; all?: true }

export type StateScope = { scope: string }
export type StateItem = {
  scope: string
  key: string
  value: Json
  type: string
  bytes: number
  version: number
  expires_at_ms: number | null
}

export type StreamInfo = {
  name: string
  path: string
  line: number
  description: string
  schema: Schema | null
  access: boolean
}
export type StreamGroup = { group_id: string; items: number }
export type StreamItem = { id: string; data: Json; version: number }

export type Trace = {
  trace_id: string
  name: string
  kind: Kind | ''
  status: Status
  started_ms: number
  ended_ms: number
  duration_us: number
  spans: number
  failures: number
  steps: string[]
  error: string | null
}
export type Call = {
  kind: 'state' | 'stream' | 'enqueue' | 'step' | 'call'
  name: string
  offset_us: number
  duration_us: number
  ok: boolean
}
export type Span = {
  span_id: string
  parent_id: string | null
  name: string
  kind: Kind
  attempt: number
  status: Status
  started_ms: number
  duration_us: number
  queue_wait_us: number
  error: { code: string; type: string; message: string } | null
  topic?: string
  message_id?: string
  verdict?: string
  route?: string
  method?: string
  http_status?: number
  has_input: boolean
  has_output: boolean
  calls: Call[]
  calls_left_out: number
}
export type TraceDetail = {
  summary: Trace
  spans: Span[]
  logs: LogLine[]
  spans_left_out: number
  running: Running[]
}
export type SpanDetail = Span & { input: Json; output: Json; error: ErrorFields | null; attributes: Json }

export type RunStatus = 'running' | 'suspended' | 'completed' | 'failed' | 'cancelled'
export type Run = {
  id: string
  step: string
  topic: string
  status: RunStatus
  started_at_ms: number
  ended_at_ms: number | null
  due_at_ms: number | null
  trace_id: string
  entries: number
}
export type RunEntry = {
  name: string
  kind: 'step' | 'undo' | 'sleep' | 'wait' | 'call' | 'approval'
  status: 'done' | 'failed' | 'retrying' | 'waiting'
  at_ms: number
  version: number
  attempts: number
  due_at_ms: number | null
  value: Json
  error: Json
}
export type RunDetail = Run & {
  input: Json
  output: Json
  error: { code: string; type?: string; message?: string } | null
  held: { at_ms: number; cause: { message: string; step: string } } | null
  undo: { at_ms: number; cause: { code: string; message?: string } } | null
  journal: RunEntry[]
  timers: { name: string; kind: RunEntry['kind']; due_at_ms: number }[]
  waits: { name: string; kind: 'wait' | 'call'; due_at_ms: number | null }[]
  approvals: Approval[]
}
export type Approval = {
  run_id: string
  step: string
  name: string
  title: string
  message: string
  schema: Schema
  asked_at_ms: number
  expires_at_ms: number
  path: string
  url: string
}

export type Level = 'debug' | 'info' | 'warning' | 'error' | 'critical'
export type LogLine = {
  position: number
  at_ms: number
  level: Level
  step: string
  trace_id: string
  span_id: string
  message: string
  data: Json
}
export type ErrorGroup = {
  cause: string
  step: string
  code: string
  type: string
  message: string
  where: string | null
  count: number
  first_ms: number
  last_ms: number
  trace_ids: string[]
  stack: string
}

export type Series = {
  runs: number[]
  failures: number[]
  p50_us: number[]
  p95_us: number[]
  p99_us: number[]
}
export type StepMetrics = Series & {
  summary: {
    runs: number
    failures: number
    p50_us: number
    p95_us: number
    p99_us: number
    wait_p95_us: number
    per_s: number
  }
}
export type Metrics = {
  bucket_ms: number
  from_ms: number
  at_ms: number[]
  total: Series
  steps: { [step: string]: StepMetrics }
  queues: { topic: string; step: string; depth: number[]; age_ms: number[] }[]
  end_to_end: { p50_us: number; p95_us: number; p99_us: number; error_rate: number; traces: number }
  thresholds: Thresholds
}

/** What the live channel carries, by topic. */
export type LiveEvents = {
  hello: { boot_id: string; registry_version: string; mode: Mode; read_only: boolean }
  traces: { items: Trace[]; skipped: number }
  logs: { items: LogLine[]; skipped: number }
  activity: {
    steps: { [step: string]: { runs: number; failures: number } }
    edges: { source: string; topic: string; target: string; runs: number; failures: number }[]
    running: { [step: string]: number }
  }
  queues: { items: Queue[] }
  states: { items: { scope: string; key: string; change: string; version: number }[] }
  streams: { items: { stream: string; group_id: string; id: string; change: string }[] }
  project: { boot_id: string; registry_version: string }
  resync: { topics: LiveTopic[] }
  bye: Record<string, never>
}
export type LiveTopic = 'traces' | 'logs' | 'activity' | 'queues' | 'states' | 'streams' | 'project'
