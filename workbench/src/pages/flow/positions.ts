/** The positions of a flow's nodes: a small flow is laid out at once, a large one beside the page, once. */

import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import type { Flow, Position } from '@/api/types'
import { laidOut, shapeOf, withKept, type Places, type Shape } from '@/pages/flow/layout'

const SMALL_NODES = 60

/** Undefined until a large flow is laid out. Failure: thrown while drawing, shown by the page's boundary. */
export function usePositions(flow: Flow): Record<string, Position> | undefined {
  const shape = useMemo(() => shapeOf(flow), [flow])
  const key = useMemo(() => JSON.stringify(shape), [shape])
  const small = flow.nodes.length <= SMALL_NODES
  const { data } = useQuery({
    queryKey: ['layout', key],
    queryFn: async ({ signal }) =>
      remembered(flow.name, key) ?? remember(flow.name, key, await beside(shape, signal)),
    enabled: !small,
    staleTime: Infinity,
    gcTime: Infinity,
    throwOnError: true,
  })
  return useMemo(() => {
    const places = small ? laidOut(shape) : data
    return places && withKept(flow, places)
  }, [flow, shape, small, data])
}

function beside(shape: Shape, signal: AbortSignal): Promise<Places> {
  const worker = new Worker(new URL('./layout-worker.ts', import.meta.url), { type: 'module' })
  return new Promise<Places>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<Places>) => resolve(data)
    worker.onerror = event => reject(new Error(`The layout failed: ${event.message}`))
    signal.addEventListener('abort', () => reject(new DOMException('left', 'AbortError')))
    worker.postMessage(shape)
  }).finally(() => worker.terminate())
}

const KEPT = 'layout:'

/** The last layout of a large flow, if its shape is still the same. */
function remembered(flow: string, key: string): Places | undefined {
  try {
    const kept = JSON.parse(localStorage.getItem(KEPT + flow) ?? 'null') as {
      key: string
      places: Places
    } | null
    return kept?.key === key ? kept.places : undefined
  } catch {
    return undefined // not ours: it is laid out anew
  }
}

function remember(flow: string, key: string, places: Places): Places {
  try {
    localStorage.setItem(KEPT + flow, JSON.stringify({ key, places }))
  } catch {
    localStorage.removeItem(KEPT + flow) // no room: the next visit lays it out again
  }
  return places
}
