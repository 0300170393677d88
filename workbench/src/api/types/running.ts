/** What is run by hand, and what runs. */

import type { Json, Kind, Schema, Status } from '@/api/types/json'

export type Running = {
  step: string
  kind: Kind
  attempt: number
  trace_id: string
  span_id: string
  started_ms: number
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
