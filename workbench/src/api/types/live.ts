/** What the live channel carries, by topic. */

import type { Mode } from '@/api/types/project'
import type { Queue } from '@/api/types/queue'
import type { LogLine, Trace } from '@/api/types/tracing'

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
  /** Without a key a whole scope was cleared. */
  states: { items: { scope: string; key: string | null; change: string; version: number }[] }
  streams: { items: { stream: string; group_id: string; id: string; change: string }[] }
  resync: { topics: LiveTopic[] }
  bye: Record<string, never>
}

export type LiveTopic = 'traces' | 'logs' | 'activity' | 'queues' | 'states' | 'streams'
