import { Handle, Position as Side, type Node, type NodeProps } from '@xyflow/react'
import { memo } from 'react'
import type { FlowNode, Position, Step } from '@/api/types'
import { short } from '@/format'
import { useStepActivity } from '@/pages/flow/activity'
import { STEP_WIDTH } from '@/pages/flow/layout'
import { KindIcon, Method, RoutePath } from '@/ui/kind'

export type GraphNode = Node<{ node: FlowNode; position: Position | undefined }>

/** The one line that says when a step runs. */
export function Subtitle({ step }: { step: Step }) {
  const [trigger] = step.triggers
  const more = step.triggers.length > 1 ? ` +${step.triggers.length - 1}` : ''
  if (step.noop || trigger === undefined)
    return <span className="truncate">{step.description || 'noop'}</span>
  switch (trigger.kind) {
    case 'http':
      return (
        <span className="flex min-w-0 items-baseline gap-1.5">
          <Method method={trigger.method} />
          <RoutePath path={trigger.path} className="truncate text-2xs!" />
          {more}
        </span>
      )
    case 'queue':
      return <span className="truncate font-mono text-2xs">{(trigger.topic || 'by name') + more}</span>
    case 'cron':
      return <span className="truncate font-mono text-2xs">{trigger.expression + more}</span>
    case 'state':
      return (
        <span className="truncate font-mono text-2xs">
          {`${trigger.scope ?? '*'} / ${trigger.key ?? '*'}${more}`}
        </span>
      )
    case 'stream':
      return <span className="truncate font-mono text-2xs">{trigger.stream + more}</span>
    case 'at':
      return <span className="truncate font-mono text-2xs">at a time{more}</span>
  }
}

const HANDLE = 'size-px! min-h-0! min-w-0! border-0! opacity-0!'

function Handles({ position }: { position: Position | undefined }) {
  return (
    <>
      <Handle
        type="target"
        position={position?.target_handle === 'top' ? Side.Top : Side.Left}
        className={HANDLE}
        isConnectable={false}
      />
      <Handle
        type="source"
        position={position?.source_handle === 'bottom' ? Side.Bottom : Side.Right}
        className={HANDLE}
        isConnectable={false}
      />
    </>
  )
}

export const StepNode = memo(function StepNode({ data, selected }: NodeProps<GraphNode>) {
  const { node, position } = data
  if (node.kind !== 'step') return null
  return (
    <>
      <StepCard step={node.step} runs={node.runs} failures={node.failures} selected={selected} />
      <Handles position={position} />
    </>
  )
})

type CardProps = { step: Step; runs: number; failures: number; selected: boolean }

function StepCard({ step, runs, failures, selected }: CardProps) {
  const live = useStepActivity(step.name)
  const all = runs + live.runs
  const bad = failures + live.failures
  const kind = step.noop ? 'noop' : (step.kinds[0] ?? '')
  return (
    <div
      className={`flex flex-col gap-1 rounded-lg border bg-raised px-3 py-2.5 shadow-xs transition-[border-color,box-shadow] ${
        selected ? 'border-live ring-2 ring-live-soft' : 'border-line-strong hover:border-faint'
      } ${step.noop ? 'border-dashed' : ''}`}
      style={{ width: STEP_WIDTH }}
    >
      <div className="flex items-center gap-2">
        <KindIcon kind={kind} className={`size-4 ${live.running > 0 ? 'text-live' : ''}`} />
        <span className="min-w-0 flex-1 truncate text-sm font-semibold">{step.name}</span>
        {live.running > 0 && (
          <span className="size-1.5 animate-pulse rounded-full bg-live" title={`${live.running} running`} />
        )}
      </div>
      <div className="flex items-center gap-2 text-2xs text-muted">
        <span className="flex min-w-0 flex-1">
          <Subtitle step={step} />
        </span>
        {bad > 0 && <span className="num shrink-0 font-medium text-bad">{short(bad)} failed</span>}
        {all > 0 && <span className="num shrink-0 text-faint">{short(all)}</span>}
      </div>
    </div>
  )
}

/** Topics that nobody hears, state and streams: places, not steps. */
export const PlaceNode = memo(function PlaceNode({ data, selected }: NodeProps<GraphNode>) {
  const { node, position } = data
  if (node.kind === 'step') return null
  const kind = node.kind === 'topic' ? 'queue' : node.kind
  return (
    <div
      className={`flex h-8 w-42 items-center gap-2 rounded-full border bg-sunken px-3 ${
        selected ? 'border-live ring-2 ring-live-soft' : 'border-line-strong'
      }`}
    >
      <KindIcon kind={kind} className="size-3" />
      <span className="truncate font-mono text-2xs text-muted">{placeName(node)}</span>
      <Handles position={position} />
    </div>
  )
})

export function placeName(node: Exclude<FlowNode, { kind: 'step' }>): string {
  if (node.kind === 'topic') return node.topic
  return node.kind === 'stream' ? node.stream : `${node.scope ?? '*'} / ${node.key ?? '*'}`
}

/** For screen readers: name, kind, and what went wrong. */
export function accessibleName(node: FlowNode): string {
  if (node.kind !== 'step') return `${placeName(node)}, ${node.kind}`
  const kinds = node.step.noop ? 'noop' : node.step.kinds.join(' and ')
  return `${node.step.name}, ${kinds} step, ${node.runs} runs, ${node.failures} failed`
}
