import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Download } from 'lucide-react'
import { useEffect, useMemo, useRef } from 'react'
import { useLive } from '@/api/live-hooks'
import * as read from '@/api/queries'
import type { TraceDetail } from '@/api/types'
import { duration, plural, stamp } from '@/format'
import { SpanPanel } from '@/pages/traces/span-panel'
import { extent, firstOf, withRunning } from '@/pages/traces/waterfall'
import { Waterfall } from '@/pages/traces/waterfall-view'
import type { Place } from '@/place'
import { IconButton } from '@/ui/button'
import { CopyButton } from '@/ui/copy'
import { Empty, Loading } from '@/ui/empty'
import { ProblemPage } from '@/ui/problem'
import { Split } from '@/ui/split'
import { Retried, retries, StatusBadge } from '@/ui/status'
import { useNow } from '@/ui/time'

const SETTLED_MS = 300

type Props = { id: string; place: Place; onChange: (change: Record<string, string | undefined>) => void }

/** One trace: the waterfall, and what its chosen span is made of. */
export function TraceView({ id, place, onChange }: Props) {
  const detail = useQuery(read.trace(id))
  useFresh(id)
  if (detail.error) return <ProblemPage error={detail.error} retry={() => void detail.refetch()} />
  if (detail.data === undefined) return <Loading />
  return <Shown detail={detail.data} place={place} onChange={onChange} />
}

/** Load the trace again when the channel says that it changed, a few times a second at most. */
function useFresh(id: string): void {
  const client = useQueryClient()
  const timer = useRef<number>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [id])
  useLive('traces', ({ items }) => {
    if (timer.current !== undefined || !items.some(trace => trace.trace_id === id)) return
    timer.current = setTimeout(() => {
      timer.current = undefined
      void client.invalidateQueries({ queryKey: read.trace(id).queryKey })
    }, SETTLED_MS) as unknown as number
  })
}

type ShownProps = { detail: TraceDetail; place: Place; onChange: Props['onChange'] }

function Shown({ detail, place, onChange }: ShownProps) {
  const { summary } = detail
  const spans = useMemo(() => withRunning(detail), [detail])
  const running = spans.some(span => span.status === 'running')
  const ticking = useNow()
  const now_ms = running ? ticking : summary.ended_ms
  const chosen = spans.find(span => span.span_id === place.span) ?? firstOf(spans)
  const range = useMemo(() => extent({ ...detail, spans }, now_ms), [detail, spans, now_ms])
  if (spans.length === 0) {
    return (
      <Empty title="This trace has no spans yet">
        They are shown as soon as the first step of it has ended. Lines it logged are on the page Logs.
      </Empty>
    )
  }
  return (
    <div className="flex h-full flex-col">
      <Head detail={detail} />
      <div className="min-h-0 flex-1">
        <Split name="trace" label="Width of the details" kept="end" initial_px={410} min_px={320}>
          <Waterfall
            spans={spans}
            extent={range}
            now_ms={now_ms}
            chosen={chosen?.span_id}
            onChoose={span => onChange({ span })}
          />
          {chosen && (
            <SpanPanel
              key={chosen.span_id}
              trace_id={summary.trace_id}
              span={chosen}
              logs={detail.logs}
              tab={place.tab ?? 'details'}
              onTab={tab => onChange({ tab: tab === 'details' ? undefined : tab })}
            />
          )}
        </Split>
      </div>
    </div>
  )
}

function Head({ detail }: { detail: TraceDetail }) {
  const { summary } = detail
  const save = () => {
    const link = document.createElement('a')
    link.href = URL.createObjectURL(new Blob([JSON.stringify(detail, null, 2)], { type: 'application/json' }))
    link.download = `trace-${summary.trace_id}.json`
    link.click()
    URL.revokeObjectURL(link.href)
  }
  return (
    <header className="flex h-12 shrink-0 items-center gap-3 border-b border-line px-4">
      <h2 className="min-w-0 truncate text-base font-semibold">{summary.name || 'Trace'}</h2>
      <StatusBadge status={summary.status} />
      {retries(summary) > 0 && <Retried times={retries(summary)} />}
      <p className="num min-w-0 flex-1 truncate text-xs text-muted">
        {duration(summary.duration_us)} · {plural(summary.spans, 'execution')}
        {retries(summary) === 0 && summary.failures > 0 && ` · ${summary.failures} failed`} ·{' '}
        {stamp(summary.started_ms)}
        {detail.spans_left_out > 0 && ` · ${plural(detail.spans_left_out, 'execution')} not kept`}
      </p>
      <code className="font-mono text-2xs text-faint" title={summary.trace_id}>
        {summary.trace_id.slice(-8)}
      </code>
      <span className="-ml-2 flex">
        <CopyButton text={summary.trace_id} label="Copy the trace id" />
        <IconButton label="Save as JSON" onClick={save} className="size-6!">
          <Download />
        </IconButton>
      </span>
    </header>
  )
}
