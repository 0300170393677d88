/** Where the nodes of a flow stand. Pure. */

import dagre from '@dagrejs/dagre'
import type { Flow, FlowEdge, FlowNode, Position } from '@/api/types'

export const STEP_WIDTH = 232
const STEP_HEIGHT = 62
const SMALL_WIDTH = 168
const SMALL_HEIGHT = 32

const LABEL_CHAR_PX = 6.7
const LABEL_MAX_PX = 170
const LABEL_PAD_PX = 28

/** What stands on an edge. A step that is called by its name says that name itself. */
export function labelOf(edge: FlowEdge): string {
  const text = edge.label || edge.topic
  return `step:${text}` === edge.target ? '' : text
}

const labelSize = (edge: FlowEdge) => {
  const text = labelOf(edge)
  const width = Math.min(LABEL_MAX_PX, text.length * LABEL_CHAR_PX) + LABEL_PAD_PX
  return text === '' ? {} : { width, height: 14, labelpos: 'c' }
}

export const sizeOf = (node: FlowNode): { width: number; height: number } =>
  node.kind === 'step'
    ? { width: STEP_WIDTH, height: STEP_HEIGHT }
    : { width: SMALL_WIDTH, height: SMALL_HEIGHT }

const GAP = 36
const GRID_GAP = 28

/**
 * Positions of all nodes: kept ones as they are, the rest laid out from left to right.
 *
 * Nodes without any edge would make one endless column, so they stand in a grid below.
 */
export function positionsOf(flow: Flow): Record<string, Position> {
  const joined = new Set(flow.edges.flatMap(edge => [edge.source, edge.target]))
  const graph = new dagre.graphlib.Graph({ multigraph: true })
  graph.setGraph({ rankdir: 'LR', nodesep: GAP, ranksep: 72, marginx: 0, marginy: 0 })
  graph.setDefaultEdgeLabel(() => ({}))
  for (const node of flow.nodes) if (joined.has(node.id)) graph.setNode(node.id, sizeOf(node))
  for (const edge of flow.edges) graph.setEdge(edge.source, edge.target, labelSize(edge), edge.id)
  if (joined.size > 0) dagre.layout(graph)
  const found: Record<string, Position> = {}
  let bottom = 0
  for (const node of flow.nodes) {
    if (!joined.has(node.id)) continue
    const { x, y, width, height } = graph.node(node.id) as {
      x: number
      y: number
      width: number
      height: number
    }
    found[node.id] = { x: Math.round(x - width / 2), y: Math.round(y - height / 2) }
    bottom = Math.max(bottom, y + height / 2 + GAP)
  }
  const loose = flow.nodes.filter(node => !joined.has(node.id))
  const columns = Math.max(3, Math.ceil(Math.sqrt(loose.length)))
  loose.forEach((node, index) => {
    found[node.id] = {
      x: (index % columns) * (STEP_WIDTH + GRID_GAP),
      y: Math.round(bottom + Math.floor(index / columns) * (STEP_HEIGHT + GRID_GAP)),
    }
  })
  return { ...found, ...Object.fromEntries(flow.nodes.flatMap(({ id }) => kept(flow, id))) }
}

function kept(flow: Flow, id: string): [string, Position][] {
  const position = flow.positions[id]
  return position === undefined ? [] : [[id, position]]
}
