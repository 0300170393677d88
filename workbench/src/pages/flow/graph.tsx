import '@xyflow/react/dist/style.css'
import {
  applyNodeChanges,
  Background,
  Controls,
  MarkerType,
  MiniMap,
  Panel,
  ReactFlow,
  useReactFlow,
  useStore,
  useStoreApi,
  type FitViewOptions,
  type NodeChange,
} from '@xyflow/react'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import type { Flow, FlowEdge, Position } from '@/api/types'
import { FlowLine, type GraphEdge } from '@/pages/flow/edges'
import { sizeOf } from '@/pages/flow/layout'
import { accessibleName, handlesOf, PlaceNode, StepNode, type GraphNode } from '@/pages/flow/nodes'
import { inSight, nearby } from '@/pages/flow/sight'

const NODE_TYPES = { step: StepNode, place: PlaceNode }
const EDGE_TYPES = { line: FlowLine }
const FIT = { padding: 0.08, maxZoom: 1.1 }
const PRO = { hideAttribution: false }
const MAP_FROM_NODES = 30

type Props = {
  flow: Flow
  positions: Record<string, Position>
  chosen: string | undefined
  onChoose: (node: string | undefined) => void
  /** Positions after a drag. Without it nodes stay where they are. */
  onMove: ((positions: Record<string, Position>) => void) | undefined
}

/** The graph of one flow. Nodes are reached by Tab and chosen by Enter, too. */
export function Graph({ flow, positions, chosen, onChoose, onMove }: Props) {
  const plain = useMemo(() => nodesOf(flow, positions), [flow, positions])
  const [nodes, setNodes] = useState(() => marked(plain, chosen))
  const { fitView, getZoom } = useReactFlow()
  const width = useStore(store => store.width)
  const store = useStoreApi()
  const shape = [flow.name, ...flow.nodes.map(({ id }) => id), ...flow.edges.map(({ id }) => id)].join('\n')
  const shown = useRef(shape)
  const [begin] = useState<FitViewOptions>(() => ({ ...FIT, nodes: nearby(flow, positions, chosen) }))
  useEffect(() => setNodes(marked(plain, chosen)), [plain, chosen])
  useEffect(() => {
    if (shown.current === shape) return
    // Once the nodes stand where they are to stand now.
    const frame = requestAnimationFrame(() => {
      shown.current = shape
      void fitView({ ...FIT, nodes: nearby(flow, positions, chosen) })
    })
    return () => cancelAnimationFrame(frame)
  }, [shape, flow, positions, chosen, fitView])
  useEffect(() => {
    // The panel may have come over the node that opened it.
    if (chosen === undefined || width === 0 || inSight(flow, positions, chosen, store.getState())) return
    void fitView({ nodes: [{ id: chosen }], minZoom: getZoom(), maxZoom: getZoom() })
  }, [chosen, width, flow, positions, store, fitView, getZoom])
  const lines = useMemo(() => linesOf(flow), [flow])
  const edges = useMemo(() => lines.map(line => touched(line, chosen)), [lines, chosen])
  const change = useCallback(
    (changes: NodeChange<GraphNode>[]) => {
      // What is chosen stands in the address, and comes back from there. By Enter, too.
      const moved = changes.filter(one => one.type !== 'select')
      if (moved.length > 0) setNodes(before => applyNodeChanges(moved, before))
      const picked = changes.find(one => one.type === 'select' && one.selected)
      if (picked?.type === 'select') onChoose(picked.id)
    },
    [onChoose],
  )
  const leave = useCallback(() => onChoose(undefined), [onChoose])
  const drop = useCallback(
    (_: unknown, __: unknown, moved: GraphNode[]) =>
      onMove?.(
        Object.fromEntries(
          moved.map(node => [
            node.id,
            { ...flow.positions[node.id], x: Math.round(node.position.x), y: Math.round(node.position.y) },
          ]),
        ),
      ),
    [flow, onMove],
  )
  return (
    <ReactFlow
      nodes={nodes}
      edges={edges}
      nodeTypes={NODE_TYPES}
      edgeTypes={EDGE_TYPES}
      onNodesChange={change}
      onPaneClick={leave}
      onNodeDragStop={drop}
      nodesDraggable={onMove !== undefined}
      nodesConnectable={false}
      edgesFocusable={false}
      deleteKeyCode={null}
      onlyRenderVisibleElements
      minZoom={0.08}
      maxZoom={2}
      fitView
      fitViewOptions={begin}
      proOptions={PRO}
      aria-label={`Flow ${flow.name}`}
    >
      <Background gap={20} size={1} />
      <Controls showInteractive={false} />
      <Legend flow={flow} />
      {flow.nodes.length > MAP_FROM_NODES && (
        <MiniMap
          pannable
          zoomable
          nodeColor="var(--faint)"
          nodeStrokeWidth={0}
          maskColor="var(--hover)"
          aria-label="Map of the flow"
          className="overflow-hidden rounded-lg border border-line-strong"
        />
      )}
    </ReactFlow>
  )
}

const KINDS = [
  { title: 'declared', dash: '', shows: (edge: FlowEdge) => edge.declared && edge.kind !== 'virtual' },
  { title: 'virtual', dash: '5 4', shows: (edge: FlowEdge) => edge.declared && edge.kind === 'virtual' },
  { title: 'seen in traffic, not declared', dash: '1.5 4', shows: (edge: FlowEdge) => !edge.declared },
]

/** Says what the lines mean, where there is more than one kind of them. */
function Legend({ flow }: { flow: Flow }) {
  const shown = KINDS.filter(kind => flow.edges.some(kind.shows))
  if (shown.length === 0 || (shown.length === 1 && shown[0]?.dash === '')) return null
  return (
    <Panel position="bottom-center" className="flex gap-4 text-2xs text-muted">
      {shown.map(({ title, dash }) => (
        <span key={title} className="flex items-center gap-1.5">
          <svg width="24" height="4" aria-hidden>
            <path
              d="M0 2h24"
              stroke="currentColor"
              strokeWidth="1.5"
              strokeDasharray={dash}
              strokeLinecap="round"
            />
          </svg>
          {title}
        </span>
      ))}
    </Panel>
  )
}

/** Sizes and handles are told, not measured: to be measured, every node would have to be drawn once. */
function nodesOf(flow: Flow, positions: Record<string, Position>): GraphNode[] {
  return flow.nodes.map(node => ({
    id: node.id,
    type: node.kind === 'step' ? 'step' : 'place',
    position: positions[node.id] ?? { x: 0, y: 0 },
    data: { node, position: flow.positions[node.id] },
    ariaLabel: accessibleName(node),
    measured: sizeOf(node),
    handles: handlesOf(node, flow.positions[node.id]),
  }))
}

/** Only what changes is made anew: everything else is not drawn again. */
const marked = (nodes: GraphNode[], chosen: string | undefined): GraphNode[] =>
  nodes.map(node => (node.id === chosen ? { ...node, selected: true } : node))

const ARROW = { type: MarkerType.ArrowClosed, width: 14, height: 14, color: 'var(--faint)' }

const linesOf = (flow: Flow): GraphEdge[] =>
  flow.edges.map(edge => ({
    id: edge.id,
    type: 'line',
    source: edge.source,
    target: edge.target,
    data: { edge },
    markerEnd: ARROW,
  }))

const touched = (line: GraphEdge, chosen: string | undefined): GraphEdge =>
  line.source === chosen || line.target === chosen ? { ...line, selected: true } : line
