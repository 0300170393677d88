import { expect, test } from 'vitest'
import { laidOut, type Shape } from '@/pages/flow/layout'

const NODES = 130

const shape = (edges: Shape['edges']): Shape => ({
  nodes: Array.from({ length: NODES }, (_, at) => ({ id: `n${at}`, width: 200, height: 60 })),
  edges,
})

const edge = (source: number, target: number): Shape['edges'][number] => ({
  id: `${source}-${target}`,
  source: `n${source}`,
  target: `n${target}`,
  label_px: 0,
})

test('a thicket is laid out by the first edge into each node', () => {
  const tree = Array.from({ length: NODES - 1 }, (_, at) => edge(at >> 1, at + 1))
  const more = tree.flatMap((_, at) => [7, 31, 101, 173].map(far => edge((at * far) % NODES, at + 1)))
  const places = laidOut(shape([...tree, ...more]))
  expect(places).toEqual(laidOut(shape(tree)))
  const stood = new Set(Object.values(places).map(({ x, y }) => `${x} ${y}`))
  expect(stood.size).toBe(NODES)
})
