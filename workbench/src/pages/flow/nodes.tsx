import { Handle, Position as Side, useStore, type Node, type NodeHandle, type NodeProps } from '@xyflow/react'
import { memo } from 'react'
import type { FlowNode, Position, Step } from '@/api/types'
import { plural, short } from '@/format'
import { useStepActivity } from '@/pages/flow/activity'
import { sizeOf, STEP_HEIGHT, STEP_WIDTH } from '@/pages/flow/layout'
import { KindIcon, Language, Method, RoutePath } from '@/ui/kind'

export type GraphNode = Node<{ node: FlowNode; position: Position | undefined }>

/** So far away that small text is not read: what nobody can see is not drawn. */
export const isFar = ({ transform }: { transform: readonly [number, number, number] }): boolean =>
  transform[2] < 0.6

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

const targetSide = (position: Position | undefined) =>
  position?.target_handle === 'top' ? Side.Top : Side.Left
const sourceSide = (position: Position | undefined) =>
  position?.source_handle === 'bottom' ? Side.Bottom : Side.Right

/** Where edges end and begin, so that nobody has to measure it. */
export function handlesOf(node: FlowNode, position: Position | undefined): NodeHandle[] {
  const { width, height } = sizeOf(node)
  const target = targetSide(position)
  const source = sourceSide(position)
  return [
    {
      type: 'target',
      position: target,
      ...(target === Side.Top ? { x: width / 2, y: 0 } : { x: 0, y: height / 2 }),
    },
    {
      type: 'source',
      position: source,
      ...(source === Side.Bottom ? { x: width / 2, y: height } : { x: width, y: height / 2 }),
    },
  ]
}

function Handles({ position }: { position: Position | undefined }) {
  return (
    <>
      <Handle type="target" position={targetSide(position)} className={HANDLE} isConnectable={false} />
      <Handle type="source" position={sourceSide(position)} className={HANDLE} isConnectable={false} />
    </>
  )
}

export const StepNode = memo(function StepNode({ data, selected }: NodeProps<GraphNode>) {
  const { node, position } = data
  const far = useStore(isFar)
  if (node.kind !== 'step') return null
  const Card = far ? FarCard : StepCard
  return (
    <>
      <Card step={node.step} runs={node.runs} failures={node.failures} selected={selected} />
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
      style={{ width: STEP_WIDTH, height: STEP_HEIGHT }}
    >
      <div className="flex items-center gap-2">
        <KindIcon kind={kind} className={`size-4 ${live.running > 0 ? 'text-live' : ''}`} />
        <span className="min-w-0 flex-1 truncate text-sm font-semibold">{step.name}</span>
        <Language of={step.language} />
        {live.running > 0 && (
          <span className="size-1.5 animate-pulse rounded-full bg-live" title={`${live.running} running`} />
        )}
      </div>
      <div className="flex items-center gap-2 text-2xs text-muted">
        <span className="flex min-w-0 flex-1">
          <Subtitle step={step} />
        </span>
        {bad > 0 && <span className="num shrink-0 font-medium text-bad">{short(bad)} failed</span>}
        {all > 0 && <span className="num shrink-0 text-faint">{counted(all)}</span>}
      </div>
    </div>
  )
}

const counted = (runs: number): string => `${short(runs)} ${runs === 1 ? 'run' : 'runs'}`

/** A card from afar: what kind it is, its name, and whether something fails. */
function FarCard({ step, runs, failures, selected }: CardProps) {
  const live = useStepActivity(step.name)
  const bad = failures + live.failures > 0
  const idle = runs + live.runs === 0
  const kind = step.noop ? 'noop' : (step.kinds[0] ?? '')
  const edge = selected ? 'border-live ring-8 ring-live-soft' : bad ? 'border-bad' : 'border-line-strong'
  return (
    <div
      className={`flex items-center gap-2.5 rounded-lg border-2 bg-raised px-3 ${edge} ${idle ? 'text-muted' : ''}`}
      style={{ width: STEP_WIDTH, height: STEP_HEIGHT }}
    >
      <KindIcon kind={kind} className="size-5" />
      <span className="line-clamp-2 text-xl leading-6 font-semibold wrap-anywhere">{step.name}</span>
    </div>
  )
}

/** Topics that nobody hears, state and streams: places, not steps. */
export const PlaceNode = memo(function PlaceNode({ data, selected }: NodeProps<GraphNode>) {
  const { node, position } = data
  const far = useStore(isFar)
  if (node.kind === 'step') return null
  const kind = node.kind === 'topic' ? 'queue' : node.kind
  return (
    <div
      className={`flex h-8 w-42 items-center gap-2 rounded-full border bg-sunken px-3 ${
        selected ? 'border-live ring-2 ring-live-soft' : 'border-line-strong'
      }`}
    >
      <KindIcon kind={kind} className={far ? 'size-4' : 'size-3'} />
      <span className={`truncate font-mono text-muted ${far ? 'text-lg' : 'text-2xs'}`}>
        {placeName(node)}
      </span>
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
  return `${node.step.name}, ${kinds} step, ${plural(node.runs, 'run')}, ${node.failures} failed`
}
