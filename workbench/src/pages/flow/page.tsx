import { useQuery, useQueryClient } from '@tanstack/react-query'
import { ReactFlowProvider } from '@xyflow/react'
import { LayoutGrid, X } from 'lucide-react'
import { useCallback, useMemo, useRef } from 'react'
import { Link, useLocation, useParams } from 'wouter'
import * as read from '@/api/queries'
import type { Flow, FlowNode, Position } from '@/api/types'
import { plural } from '@/format'
import { TopicForm } from '@/forms/topic'
import { ActivityProvider } from '@/pages/flow/activity'
import { keyOf } from '@/pages/flow/edges'
import { Graph } from '@/pages/flow/graph'
import { FlowList } from '@/pages/flow/list-view'
import { placeName } from '@/pages/flow/nodes'
import { usePositions } from '@/pages/flow/positions'
import { StepPanel } from '@/pages/flow/step-panel'
import { usePlace } from '@/place'
import { useKeys } from '@/shell/keys'
import { Page } from '@/shell/page'
import { useReadOnly } from '@/shell/session'
import { Button, IconButton } from '@/ui/button'
import { Empty, Loading } from '@/ui/empty'
import { Choice, Select } from '@/ui/field'
import { ProblemPage } from '@/ui/problem'
import { Split } from '@/ui/split'
import { useToast } from '@/ui/toast'
import { api, to } from '@/urls'

const ALL = '*'

export default function FlowPage() {
  const { name } = useParams<{ name?: string }>()
  const flows = useQuery(read.flows)
  const [, navigate] = useLocation()
  const named = flows.data?.filter(flow => flow.name !== ALL) ?? []
  // One flow fits on a screen; the whole project is a choice.
  const shown = name ?? (named.length === 1 ? named[0]?.name : undefined) ?? (flows.data ? ALL : undefined)
  const flow = useQuery({ ...read.flow(shown ?? ALL), enabled: shown !== undefined })
  const [place, change] = usePlace()
  const view = place.view === 'list' ? 'list' : 'canvas'
  return (
    <Page
      title="Flow"
      lead={
        flows.data && (
          <Select
            aria-label="Flow"
            value={shown ?? ALL}
            onChange={event => navigate(to.flow(event.target.value))}
            className="max-w-64 font-medium"
          >
            <option value={ALL}>All steps</option>
            {named.map(known => (
              <option key={known.name} value={known.name}>
                {known.name} ({plural(known.steps, 'step')})
              </option>
            ))}
          </Select>
        )
      }
      tools={
        <>
          {flow.data && view === 'canvas' && <Tidy flow={flow.data} />}
          <Choice
            label="Shown as"
            value={view}
            options={[
              { value: 'canvas', text: 'Canvas' },
              { value: 'list', text: 'List' },
            ]}
            onChange={value => change({ view: value === 'list' ? value : undefined }, { replace: true })}
          />
        </>
      }
    >
      {flow.error ? (
        <ProblemPage error={flow.error} retry={() => void flow.refetch()} />
      ) : flows.error ? (
        <ProblemPage error={flows.error} retry={() => void flows.refetch()} />
      ) : flow.data === undefined ? (
        <Loading />
      ) : flow.data.nodes.length === 0 ? (
        <Empty title="No steps here yet" command="motia generate step">
          A step is one file. Make one, and it appears here as soon as it is saved.
        </Empty>
      ) : (
        <ReactFlowProvider>
          <Shown key={flow.data.name} flow={flow.data} loaded_at={flow.dataUpdatedAt} view={view} />
        </ReactFlowProvider>
      )}
    </Page>
  )
}

/** Forget where nodes were put by hand. */
function Tidy({ flow }: { flow: Flow }) {
  const client = useQueryClient()
  const save = read.useSend()
  const read_only = useReadOnly()
  if (read_only || Object.keys(flow.positions).length === 0) return null
  return (
    <Button
      look="ghost"
      icon={<LayoutGrid className="size-3" />}
      onClick={() => {
        client.setQueryData(read.flow(flow.name).queryKey, { ...flow, positions: {} })
        save.mutate({ url: api.layout(flow.name), method: 'PUT', body: { positions: {} } })
      }}
    >
      Tidy up
    </Button>
  )
}

type ShownProps = { flow: Flow; loaded_at: number; view: 'canvas' | 'list' }

function Shown({ flow, loaded_at, view }: ShownProps) {
  const client = useQueryClient()
  const tell = useToast()
  const [place, change] = usePlace()
  const read_only = useReadOnly()
  const save = read.useSend()
  const chosen = flow.nodes.find(node => node.id === place.node)
  const choose = useCallback(
    (node: string | undefined) =>
      change({ node, tab: node === undefined ? undefined : place.tab }, { replace: true }),
    [change, place.tab],
  )
  useKeys({ Escape: () => choose(undefined) }, chosen !== undefined)
  const positions = usePositions(flow)
  const known = useMemo(() => new Set(flow.edges.map(keyOf)), [flow])
  const asked = useRef(new Set<string>())
  const steps = useMemo(
    () => new Set(flow.nodes.flatMap(node => (node.kind === 'step' ? [node.step.name] : []))),
    [flow],
  )
  // An edge that nobody declared was used for the first time: load the graph again, once for each.
  const unknown = (keys: string[]) => {
    const fresh = keys.filter(key => {
      const [source = '', , target = ''] = key.split('\n')
      return !known.has(key) && !asked.current.has(key) && steps.has(source) && steps.has(target)
    })
    if (fresh.length === 0) return
    for (const key of fresh) asked.current.add(key)
    void client.invalidateQueries({ queryKey: read.flow(flow.name).queryKey })
  }
  const { mutate } = save
  const move = useCallback(
    (moved: Record<string, Position>) => {
      const kept = { ...flow.positions, ...moved }
      client.setQueryData(read.flow(flow.name).queryKey, { ...flow, positions: kept })
      mutate(
        { url: api.layout(flow.name), method: 'PUT', body: { positions: kept } },
        { onError: error => tell(`The layout was not saved: ${error.message}`, 'bad') },
      )
    },
    [client, flow, mutate, tell],
  )
  const main =
    view === 'list' ? (
      <FlowList flow={flow} chosen={chosen?.id} onChoose={choose} />
    ) : positions === undefined ? (
      <Loading />
    ) : (
      <Graph
        flow={flow}
        positions={positions}
        chosen={chosen?.id}
        onChoose={choose}
        onMove={read_only ? undefined : move}
      />
    )
  return (
    <ActivityProvider loaded_at={loaded_at} onUnknown={unknown}>
      <Split name="flow" label="Width of the panel" kept="end" initial_px={460} min_px={320}>
        {main}
        {chosen === undefined ? null : (
          <NodePanel
            node={chosen}
            tab={place.tab ?? 'config'}
            onTab={tab => change({ tab }, { replace: true })}
            onClose={() => choose(undefined)}
          />
        )}
      </Split>
    </ActivityProvider>
  )
}

type PanelProps = { node: FlowNode; tab: string; onTab: (tab: string) => void; onClose: () => void }

function NodePanel({ node, tab, onTab, onClose }: PanelProps) {
  if (node.kind === 'step') {
    return <StepPanel key={node.id} step={node.step} tab={tab} onTab={onTab} onClose={onClose} />
  }
  return (
    <aside aria-label={placeName(node)} className="flex h-full flex-col">
      <header className="flex h-11 items-center gap-2 border-b border-line pr-2 pl-4">
        <h2 className="min-w-0 flex-1 truncate font-mono text-sm font-semibold">{placeName(node)}</h2>
        <IconButton label="Close" onClick={onClose}>
          <X />
        </IconButton>
      </header>
      {node.kind === 'topic' ? (
        <TopicForm topic={node.topic} />
      ) : (
        <p className="p-4 text-sm text-muted">
          <Link
            href={node.kind === 'state' ? to.states(node.scope ?? undefined) : to.streams(node.stream)}
            className="text-live underline"
          >
            Browse it
          </Link>
        </p>
      )}
    </aside>
  )
}
