/** Which part of a flow is shown. Pure. */

import type { Flow, Position } from '@/api/types'
import { sizeOf } from '@/pages/flow/layout'

type Positions = Record<string, Position>

/** A flow up to this size is shown whole; of a larger one its beginning, large enough to be read. */
const WHOLE = { width: 3_200, height: 2_200 }
const BEGIN = { width: 1_500, height: 900 }
const FEW = 6

/** What to show first: the chosen node and what it is joined to; else all, or the beginning of much. */
export function nearby(flow: Flow, positions: Positions, chosen: string | undefined): { id: string }[] {
  if (chosen !== undefined) {
    const around = flow.edges.flatMap(({ source, target }) =>
      source === chosen || target === chosen ? [source, target] : [],
    )
    return [...new Set([chosen, ...around])].map(id => ({ id }))
  }
  const placed = flow.nodes.flatMap(({ id }) => {
    const at = positions[id]
    return at === undefined ? [] : [{ id, x: at.x, y: at.y }]
  })
  const left = Math.min(...placed.map(({ x }) => x))
  const top = Math.min(...placed.map(({ y }) => y))
  const right = Math.max(...placed.map(({ x }) => x))
  const bottom = Math.max(...placed.map(({ y }) => y))
  if (right - left <= WHOLE.width && bottom - top <= WHOLE.height) return placed.map(({ id }) => ({ id }))
  const [first] = placed.filter(({ x }) => x === left).sort((one, other) => one.y - other.y)
  if (first === undefined) return []
  const from = Math.max(top, first.y - BEGIN.height / 2)
  const begin = placed.filter(({ x, y }) => x - first.x < BEGIN.width && y >= from && y - from < BEGIN.height)
  const far = ({ x, y }: { x: number; y: number }) => Math.hypot(x - first.x, y - first.y)
  // Where nodes stand far from each other: some of the nearest.
  const nearest = [...placed].sort((one, other) => far(one) - far(other)).slice(0, FEW)
  return (begin.length < FEW ? nearest : begin).map(({ id }) => ({ id }))
}

type View = { width: number; height: number; transform: readonly [number, number, number] }

/** Whether a node stands within the canvas, wholly. */
export function inSight(flow: Flow, positions: Positions, id: string, view: View): boolean {
  const at = positions[id]
  const node = flow.nodes.find(known => known.id === id)
  if (at === undefined || node === undefined) return true
  const [x, y, zoom] = view.transform
  const size = sizeOf(node)
  const left = at.x * zoom + x
  const top = at.y * zoom + y
  return (
    left >= 0 && top >= 0 && left + size.width * zoom <= view.width && top + size.height * zoom <= view.height
  )
}
