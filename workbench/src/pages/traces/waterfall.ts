/** From the spans of a trace to the rows of its waterfall. Pure. */

import type { Call, Span, TraceDetail } from '@/api/types'

export type Row = {
  id: string
  depth: number
  /** Rows below that belong to it. */
  children: number
  open: boolean
  span: Span
  /** Set for something that the span's handler did. */
  call: Call | undefined
  /** All in milliseconds of the epoch. */
  from_ms: number
  to_ms: number
  wait_from_ms: number
}

/** A call as a row says it. Messages point at whom they go to. */
export const callText = (call: Call): string =>
  call.kind === 'enqueue' || call.kind === 'call' ? `→ ${call.name}` : call.name

/** Up to this many rows everything is unfolded at first. */
export const OPEN_ROWS = 300

const endOf = (span: Span, now_ms: number): number =>
  span.status === 'running' ? now_ms : span.started_ms + span.duration_us / 1_000

/** First and last moment of a trace, waiting included. */
export function extent(detail: TraceDetail, now_ms: number): [number, number] {
  const { summary, spans } = detail
  const from = Math.min(
    summary.started_ms,
    ...spans.map(span => span.started_ms - span.queue_wait_us / 1_000),
  )
  const to = Math.max(summary.ended_ms, ...spans.map(span => endOf(span, now_ms)))
  return [from, Math.max(to, from + 0.001)]
}

/** Executions that still run are not recorded yet: stand-ins show them. */
export function withRunning(detail: TraceDetail): Span[] {
  const known = new Set(detail.spans.map(span => span.span_id))
  const standins = detail.running
    .filter(running => !known.has(running.span_id))
    .map((running): Span => ({
      span_id: running.span_id,
      parent_id: detail.spans[0]?.span_id ?? null,
      name: running.step,
      kind: running.kind,
      attempt: running.attempt,
      status: 'running',
      started_ms: running.started_ms,
      duration_us: 0,
      queue_wait_us: 0,
      error: null,
      has_input: false,
      has_output: false,
      calls: [],
      calls_left_out: 0,
    }))
  return [...detail.spans, ...standins]
}

/** The rows in sight, parents before children, in order of time. `flipped` are those whose fold was changed. */
export function rowsOf(spans: readonly Span[], flipped: ReadonlySet<string>, now_ms: number): Row[] {
  const ids = new Set(spans.map(span => span.span_id))
  const children = new Map<string, Span[]>()
  const roots: Span[] = []
  for (const span of spans) {
    // A parent that was left out, or is a caller's outside, makes a root of its own.
    if (span.parent_id === null || !ids.has(span.parent_id)) roots.push(span)
    else children.set(span.parent_id, [...(children.get(span.parent_id) ?? []), span])
  }
  const all = spans.length + spans.reduce((sum, span) => sum + span.calls.length, 0)
  const unfolded = all <= OPEN_ROWS
  const rows: Row[] = []
  const visit = (span: Span, depth: number): void => {
    const below = byStart(children.get(span.span_id) ?? [])
    const calls = span.calls
    // Long traces keep their spans open and fold only what the handlers did.
    const open = flipped.has(span.span_id) !== (unfolded || below.length > 0)
    rows.push({
      id: span.span_id,
      depth,
      children: below.length + calls.length,
      open,
      span,
      call: undefined,
      from_ms: span.started_ms,
      to_ms: endOf(span, now_ms),
      wait_from_ms: span.started_ms - span.queue_wait_us / 1_000,
    })
    if (!open) return
    if (unfolded || flipped.has(`${span.span_id}/calls`) || below.length === 0) {
      calls.forEach((call, index) => rows.push(callRow(span, call, index, depth + 1)))
    }
    for (const child of below) visit(child, depth + 1)
  }
  for (const root of byStart(roots)) visit(root, 0)
  return rows
}

function callRow(span: Span, call: Call, index: number, depth: number): Row {
  const from_ms = span.started_ms + call.offset_us / 1_000
  return {
    id: `${span.span_id}/${index}`,
    depth,
    children: 0,
    open: false,
    span,
    call,
    from_ms,
    to_ms: from_ms + call.duration_us / 1_000,
    wait_from_ms: from_ms,
  }
}

const byStart = (spans: Span[]): Span[] => [...spans].sort((one, other) => one.started_ms - other.started_ms)

/** About `most` round marks inside a length: 1, 2 or 5 times a power of ten. */
export function marks(length_ms: number, most: number): number[] {
  const raw = length_ms / most
  const power = 10 ** Math.floor(Math.log10(raw))
  const step = [1, 2, 5, 10].map(factor => factor * power).find(size => size >= raw) ?? raw
  return Array.from({ length: Math.floor(length_ms / step) + 1 }, (_, index) => index * step)
}

/** What a reader looks for first: the span that failed, else the entry. */
export function firstOf(spans: readonly Span[]): Span | undefined {
  const bad = spans.filter(span => ['error', 'timeout', 'crashed'].includes(span.status))
  return byStart(bad).at(-1) ?? spans.find(span => span.parent_id === null) ?? byStart([...spans])[0]
}
