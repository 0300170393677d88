/** Where the nodes of a flow stand. Pure. */

import dagre from '@dagrejs/dagre'
import type { Flow, FlowEdge, FlowNode, Position } from '@/api/types'

export const STEP_WIDTH = 232
export const STEP_HEIGHT = 62
const SMALL_WIDTH = 168
const SMALL_HEIGHT = 32

const LABEL_CHAR_PX = 6.7
const LABEL_MAX_PX = 170
const LABEL_PAD_PX = 20

/** What a layout depends on, and nothing else: two flows of one shape stand alike. */
export type Shape = {
  nodes: { id: string; width: number; height: number }[]
  edges: { id: string; source: string; target: string; label_px: number }[]
}
export type Places = Record<string, { x: number; y: number }>

/** What stands on an edge. A step that is called by its name says that name itself. */
export function labelOf(edge: FlowEdge): string {
  const text = edge.label || edge.topic
  return `step:${text}` === edge.target ? '' : text
}

const labelWidth = (text: string): number =>
  text === '' ? 0 : Math.min(LABEL_MAX_PX, text.length * LABEL_CHAR_PX) + LABEL_PAD_PX

export const sizeOf = (node: FlowNode): { width: number; height: number } =>
  node.kind === 'step'
    ? { width: STEP_WIDTH, height: STEP_HEIGHT }
    : { width: SMALL_WIDTH, height: SMALL_HEIGHT }

export const shapeOf = (flow: Flow): Shape => ({
  nodes: flow.nodes.map(node => ({ id: node.id, ...sizeOf(node) })),
  edges: flow.edges.map(edge => ({
    id: edge.id,
    source: edge.source,
    target: edge.target,
    label_px: labelWidth(labelOf(edge)),
  })),
})

/** The places of a layout, but those that somebody chose by hand. */
export const withKept = (flow: Flow, places: Places): Record<string, Position> => ({
  ...places,
  ...Object.fromEntries(
    flow.nodes.flatMap(({ id }) => {
      const kept = flow.positions[id]
      return kept === undefined ? [] : [[id, kept]]
    }),
  ),
})

const GAP = 36
const GRID_GAP = 28
/** Larger parts are ranked by a cheaper rule, which leaves edges nearly as short. */
const MANY = 120
/** A large part of more edges than these for each node is a thicket, whose layout would take minutes. */
const EDGES_PER_NODE = 2

/**
 * Places of all nodes, from left to right. Parts without an edge between them stand below each other: they are
 * laid out apart, which costs far less. Nodes without any edge would make one endless column, so they stand in
 * a grid.
 */
export function laidOut(shape: Shape): Places {
  const found: Places = {}
  let bottom = 0
  for (const part of partsOf(shape)) {
    if (part.edges.length === 0) continue
    const places = ranked(part)
    for (const [id, { x, y }] of Object.entries(places)) found[id] = { x, y: y + bottom }
    bottom += Math.max(...part.nodes.map(({ id, height }) => (places[id]?.y ?? 0) + height)) + GAP
  }
  const loose = shape.nodes.filter(node => !(node.id in found))
  const columns = Math.max(3, Math.ceil(Math.sqrt(loose.length)))
  loose.forEach((node, index) => {
    found[node.id] = {
      x: (index % columns) * (STEP_WIDTH + GRID_GAP),
      y: Math.round(bottom + Math.floor(index / columns) * (STEP_HEIGHT + GRID_GAP)),
    }
  })
  return found
}

function ranked({ nodes, edges }: Shape): Places {
  const graph = new dagre.graphlib.Graph({ multigraph: true })
  const ranker = nodes.length > MANY ? 'tight-tree' : 'network-simplex'
  graph.setGraph({ rankdir: 'LR', nodesep: GAP, ranksep: 48, marginx: 0, marginy: 0, ranker })
  graph.setDefaultEdgeLabel(() => ({}))
  for (const { id, width, height } of nodes) graph.setNode(id, { width, height })
  const thicket = nodes.length > MANY && edges.length > EDGES_PER_NODE * nodes.length
  for (const { id, source, target, label_px } of thicket ? firstInto(edges) : edges) {
    graph.setEdge(source, target, label_px === 0 ? {} : { width: label_px, height: 14, labelpos: 'c' }, id)
  }
  dagre.layout(graph)
  return Object.fromEntries(
    nodes.map(({ id, width, height }) => {
      const { x, y } = graph.node(id) as { x: number; y: number }
      return [id, { x: Math.round(x - width / 2), y: Math.round(y - height / 2) }]
    }),
  )
}

/** The first edge into each node: enough to say what stands behind what. */
const firstInto = (edges: Shape['edges']): Shape['edges'] => {
  const seen = new Set<string>()
  return edges.filter(({ target }) => !seen.has(target) && seen.add(target))
}

/** What hangs together, in the order of the nodes. */
function partsOf({ nodes, edges }: Shape): Shape[] {
  const up = new Map(nodes.map(({ id }) => [id, id]))
  const root = (id: string): string => {
    let at = id
    for (let above = up.get(at); above !== undefined && above !== at; above = up.get(at)) at = above
    up.set(id, at)
    return at
  }
  for (const { source, target } of edges) up.set(root(source), root(target))
  const parts = new Map<string, Shape>()
  const partOf = (id: string): Shape => {
    const part = parts.get(root(id)) ?? { nodes: [], edges: [] }
    parts.set(root(id), part)
    return part
  }
  for (const node of nodes) partOf(node.id).nodes.push(node)
  for (const edge of edges) partOf(edge.source).edges.push(edge)
  return [...parts.values()]
}
