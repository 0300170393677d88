/** The project, its steps and their graph. */

import type { Json, Kind, Language, Schema } from '@/api/types/json'

export type Session = {
  authenticated: boolean
  read_only?: boolean
  mode?: Mode
  project?: string
  version?: string
}

export type Mode = 'development' | 'production'

type Problem = {
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
  /** Of steps that say nothing themselves. */
  handler_timeout_s: number
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

type PluginTab = { name: string; label: string; icon: string; page: string }

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

type Emission = { topic: string; label: string; conditional: boolean }

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
  input_schemas: {
    trigger: number
    where: 'body' | 'query' | 'params' | 'message'
    schema: Schema
    /** Of messages: a value that fits, to begin with. */
    example?: Json
  }[]
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
