/** Runs of workflows. */

import type { Json, Schema } from '@/api/types/json'

export type RunStatus = 'running' | 'suspended' | 'held' | 'completed' | 'failed' | 'cancelled'

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
  held: Held | null
}

/** Its code changed under it: the recorded call, as it was and as the code has it now. */
type Held = {
  at_ms: number
  step: string
  old: string
  new: string
  cause: { message: string; step: string; hint: string }
}

export type RunEntry = {
  name: string
  kind: 'step' | 'undo' | 'sleep' | 'wait' | 'call' | 'approval'
  status: 'done' | 'failed' | 'retrying' | 'waiting'
  at_ms: number
  version: number
  attempts: number
  due_at_ms: number | null
  /** What it was given, where its trace tells. */
  input: Json | null
  value: Json
  error: Json
}

export type RunDetail = Run & {
  /** What the run says of where it stands. */
  custom_status: Json
  input: Json
  output: Json
  error: { code: string; type?: string; message?: string } | null
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
