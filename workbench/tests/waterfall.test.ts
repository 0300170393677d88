import { expect, it } from 'vitest'
import type { Call, Span } from '@/api/types'
import { firstOf, marks, OPEN_ROWS, rowsOf } from '@/pages/traces/waterfall'

const call = (name: string): Call => ({ kind: 'state', name, offset_us: 500, duration_us: 1_000, ok: true })

function span(id: string, parent: string | null, started_ms: number, more: Partial<Span> = {}): Span {
  return {
    span_id: id,
    parent_id: parent,
    name: id,
    kind: 'queue',
    attempt: 1,
    status: 'ok',
    started_ms,
    duration_us: 2_000,
    queue_wait_us: 0,
    error: null,
    has_input: false,
    has_output: false,
    calls: [],
    calls_left_out: 0,
    ...more,
  }
}

const none = new Set<string>()

it('stands children under their parent, in order of time, and calls before them', () => {
  const spans = [
    span('late', 'root', 30),
    span('root', null, 10, { calls: [call('state.get')] }),
    span('early', 'root', 20),
  ]
  const rows = rowsOf(spans, none, 100)
  expect(rows.map(row => [row.call?.name ?? row.span.name, row.depth])).toEqual([
    ['root', 0],
    ['state.get', 1],
    ['early', 1],
    ['late', 1],
  ])
  expect(rows[1]).toMatchObject({ from_ms: 10.5, to_ms: 11.5 })
})

it('shows a span whose parent is not there as a root of its own', () => {
  expect(rowsOf([span('a', 'outside', 1)], none, 1).map(row => row.depth)).toEqual([0])
})

it('folds what was unfolded', () => {
  const spans = [span('root', null, 1), span('child', 'root', 2)]
  expect(rowsOf(spans, new Set(['root']), 9)).toHaveLength(1)
})

it('folds the calls of a long trace, and never its spans', () => {
  const spans = Array.from({ length: OPEN_ROWS }, (_, index) =>
    span(`s${index}`, index === 0 ? null : 's0', index, { calls: [call('a'), call('b')] }),
  )
  expect(rowsOf(spans, none, 1).every(row => row.call === undefined)).toBe(true)
  expect(rowsOf(spans, none, 1)).toHaveLength(OPEN_ROWS)
  expect(rowsOf(spans, new Set(['s5']), 1).filter(row => row.call !== undefined)).toHaveLength(2)
})

it('counts the time in the queue before the start, and lets a running span grow', () => {
  const [row] = rowsOf([span('a', null, 100, { queue_wait_us: 40_000, status: 'running' })], none, 250)
  expect(row).toMatchObject({ wait_from_ms: 60, from_ms: 100, to_ms: 250 })
})

it('opens the last failure, else the entry', () => {
  const bad = span('bad', 'root', 5, { status: 'error' })
  expect(firstOf([span('root', null, 1), bad, span('later', 'root', 9)])?.span_id).toBe('bad')
  expect(firstOf([span('child', 'root', 5), span('root', null, 1)])?.span_id).toBe('root')
})

it('marks round numbers', () => {
  expect(marks(582, 5)).toEqual([0, 200, 400])
  expect(marks(1, 5)).toHaveLength(6)
})
