/** State and streams. */

import type { Json, Schema } from '@/api/types/json'

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
