/** Traces, logs, errors and metrics. */

import type { Json, Kind, Status } from '@/api/types/json'
import type { Thresholds } from '@/api/types/project'
import type { ErrorFields, Running } from '@/api/types/running'

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
  retried: number
  first_ms: number
  last_ms: number
  trace_ids: string[]
  stack: string
}

export type Series = {
  runs: number[]
  failures: number[]
  retried: number[]
  p50_us: number[]
  p95_us: number[]
  p99_us: number[]
}

type StepMetrics = Series & {
  summary: {
    runs: number
    failures: number
    retried: number
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
