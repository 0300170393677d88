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
  type NodeChange,
} from '@xyflow/react'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import type { Flow, FlowEdge, Position } from '@/api/types'
import { FlowLine, type GraphEdge } from '@/pages/flow/edges'
import { positionsOf, sizeOf } from '@/pages/flow/layout'
import { accessibleName, PlaceNode, StepNode, type GraphNode } from '@/pages/flow/nodes'

const NODE_TYPES = { step: StepNode, place: PlaceNode }
const EDGE_TYPES = { line: FlowLine }
const FIT = { padding: 0.16, maxZoom: 1.1 }
const MAP_FROM_NODES = 30

type Props = {
  flow: Flow
  chosen: string | undefined
  onChoose: (node: string | undefined) => void
  /** Positions after a drag. Without it nodes stay where they are. */
  onMove: ((positions: Record<string, Position>) => void) | undefined
}

/** The graph of one flow. Nodes are reached by Tab and chosen by Enter, too. */
export function Graph({ flow, chosen, onChoose, onMove }: Props) {
  const positions = useMemo(() => positionsOf(flow), [flow])
  const [nodes, setNodes] = useState<GraphNode[]>(() => nodesOf(flow, positions, chosen))
  const { fitView } = useReactFlow()
  const shape = `${flow.name}\n${flow.nodes.map(node => node.id).join('\n')}`
  const shown = useRef(shape)
  useEffect(() => setNodes(nodesOf(flow, positions, chosen)), [flow, positions, chosen])
  useEffect(() => {
    if (shown.current === shape) return
    shown.current = shape
    void fitView(FIT)
  }, [shape, fitView])
  const edges = useMemo(() => edgesOf(flow, chosen), [flow, chosen])
  const change = useCallback(
    (changes: NodeChange<GraphNode>[]) => {
      setNodes(before => applyNodeChanges(changes, before))
      // By Enter, too. What the address chooses comes as a property, and never through here.
      const picked = changes.find(one => one.type === 'select' && one.selected)
      if (picked?.type === 'select') onChoose(picked.id)
    },
    [onChoose],
  )
  return (
    <ReactFlow
      nodes={nodes}
      edges={edges}
      nodeTypes={NODE_TYPES}
      edgeTypes={EDGE_TYPES}
      onNodesChange={change}
      onNodeClick={(_, node) => onChoose(node.id)}
      onPaneClick={() => onChoose(undefined)}
      onNodeDragStop={(_, __, moved) =>
        onMove?.(
          Object.fromEntries(
            moved.map(node => [
              node.id,
              { ...flow.positions[node.id], x: Math.round(node.position.x), y: Math.round(node.position.y) },
            ]),
          ),
        )
      }
      nodesDraggable={onMove !== undefined}
      nodesConnectable={false}
      edgesFocusable={false}
      deleteKeyCode={null}
      onlyRenderVisibleElements
      minZoom={0.08}
      maxZoom={2}
      fitView
      fitViewOptions={FIT}
      proOptions={{ hideAttribution: false }}
      aria-label={`Flow ${flow.name}`}
    >
      <Background gap={20} size={1} />
      <Controls showInteractive={false} />
      <Legend flow={flow} />
      {flow.nodes.length > MAP_FROM_NODES && <MiniMap pannable zoomable aria-label="Map of the flow" />}
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

function nodesOf(flow: Flow, positions: Record<string, Position>, chosen: string | undefined): GraphNode[] {
  return flow.nodes.map(node => ({
    id: node.id,
    type: node.kind === 'step' ? 'step' : 'place',
    position: positions[node.id] ?? { x: 0, y: 0 },
    data: { node, position: flow.positions[node.id] },
    selected: node.id === chosen,
    ariaLabel: accessibleName(node),
    initialWidth: sizeOf(node).width,
    initialHeight: sizeOf(node).height,
  }))
}

const edgesOf = (flow: Flow, chosen: string | undefined): GraphEdge[] =>
  flow.edges.map(edge => ({
    id: edge.id,
    type: 'line',
    source: edge.source,
    target: edge.target,
    data: { edge },
    selected: chosen !== undefined && (edge.source === chosen || edge.target === chosen),
    markerEnd: { type: MarkerType.ArrowClosed, width: 14, height: 14, color: 'var(--faint)' },
  }))
