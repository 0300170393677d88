/** Queues and dead letters. */

import type { Json, Kind } from '@/api/types/json'
import type { Policy } from '@/api/types/project'
import type { ErrorFields } from '@/api/types/running'

export type Queue = {
  topic: string
  step: string
  kind: Kind
  defined: boolean
  policy: Policy | null
  ready: number
  scheduled: number
  blocked: number
  limited: number
  paused: boolean
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

export type Forecast = {
  letters: number
  would_run: { topic: string; step: string; count: number }[]
  refused: number
  refusals: { id: string; topic: string; step: string; code: string; message: string }[]
}

export type Bulk = {
  id: string
  total: number
  completed: number
  waiting: number
  running: number
  dead: number
  cancelled: number
  started_at_ms: number
}
