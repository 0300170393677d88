import {
  BaseEdge,
  EdgeLabelRenderer,
  getBezierPath,
  useStore,
  type Edge,
  type EdgeProps,
} from '@xyflow/react'
import { memo } from 'react'
import type { FlowEdge } from '@/api/types'
import { edgeKey, useLit } from '@/pages/flow/activity'
import { backPath } from '@/pages/flow/back-path'
import { labelOf } from '@/pages/flow/layout'
import { isFar } from '@/pages/flow/nodes'

export type GraphEdge = Edge<{ edge: FlowEdge }>

const stepOf = (id: string): string => id.replace(/^step:/, '')

export const keyOf = (edge: FlowEdge): string => edgeKey(stepOf(edge.source), edge.topic, stepOf(edge.target))

/** Declared: a line. Virtual: dashes. Only seen in traffic: dots. */
export const FlowLine = memo(function FlowLine(props: EdgeProps<GraphEdge>) {
  const { data, selected } = props
  const [path, x, y] = backPath(props) ?? getBezierPath(props)
  const far = useStore(isFar)
  const lit = useLit(data === undefined ? '' : keyOf(data.edge))
  if (data === undefined) return null
  const { edge } = data
  const colour = lit || selected ? 'var(--live)' : 'var(--faint)'
  const dash = lit ? '6 5' : !edge.declared ? '1.5 4' : edge.kind === 'virtual' ? '5 4' : undefined
  const text = labelOf(edge)
  return (
    <>
      <BaseEdge
        id={props.id}
        path={path}
        {...(props.markerEnd === undefined ? {} : { markerEnd: props.markerEnd })}
        className={lit ? 'lit' : ''}
        style={{ stroke: colour, strokeWidth: lit ? 2 : 1.5, strokeDasharray: dash, strokeLinecap: 'round' }}
      />
      {text && !far && (
        <EdgeLabelRenderer>
          <span
            className={`pointer-events-none absolute max-w-40 truncate rounded-sm bg-panel px-1 font-mono text-2xs ${
              lit ? 'text-live' : 'text-faint'
            } ${edge.conditional ? 'italic' : ''}`}
            style={{ transform: `translate(-50%, -50%) translate(${x}px, ${y}px)` }}
          >
            {edge.conditional ? `${text}?` : text}
          </span>
        </EdgeLabelRenderer>
      )}
    </>
  )
})
