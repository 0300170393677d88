import { useQuery } from '@tanstack/react-query'
import { Pencil, Play, Workflow } from 'lucide-react'
import { useState } from 'react'
import { Link, useLocation } from 'wouter'
import * as read from '@/api/queries'
import type { Json, LogLine, Rerun, Span } from '@/api/types'
import { clock, duration } from '@/format'
import { RerunDialog } from '@/pages/traces/rerun'
import { SpanDetails } from '@/pages/traces/span-details'
import { useReadOnly } from '@/shell/session'
import { Button } from '@/ui/button'
import { KindIcon, kindName } from '@/ui/kind'
import { LogData } from '@/ui/log-data'
import { LevelText, StatusBadge } from '@/ui/status'
import { Tabs } from '@/ui/tabs'
import { useToast } from '@/ui/toast'
import { WithTrace } from '@/ui/trace-link'
import { api, to } from '@/urls'

type Props = { trace_id: string; span: Span; logs: LogLine[]; tab: string; onTab: (tab: string) => void }

/** All that is known of one execution. */
export function SpanPanel({ trace_id, span, logs, tab, onTab }: Props) {
  const own = logs.filter(line => line.span_id === span.span_id)
  return (
    <div className="flex h-full flex-col">
      <Head trace_id={trace_id} span={span} />
      <div className="min-h-0 flex-1">
        <Tabs
          label="Of this span"
          value={tab}
          onChange={onTab}
          tabs={[
            { id: 'details', title: 'Details', body: <SpanDetails trace_id={trace_id} span={span} /> },
            {
              id: 'logs',
              title: `Logs ${own.length || ''}`,
              body: <Lines lines={own} empty="This step logged nothing." />,
            },
            {
              id: 'trace-logs',
              title: `All logs ${logs.length || ''}`,
              body: <Lines lines={logs} empty="Nothing was logged in this trace." />,
            },
          ]}
        />
      </div>
    </div>
  )
}

function Head({ trace_id, span }: { trace_id: string; span: Span }) {
  const [editing, setEditing] = useState<Json>()
  const read_only = useReadOnly()
  const tell = useToast()
  const [, navigate] = useLocation()
  const rerun = read.useSend<Rerun>()
  const recorded = useQuery({
    ...read.spanDetail(trace_id, span.span_id),
    enabled: span.status !== 'running',
  })
  const run = (data?: Json) =>
    rerun.mutate(
      { url: api.rerun(trace_id, span.span_id), body: data === undefined ? {} : { data } },
      {
        onSuccess: again => {
          setEditing(undefined)
          tell(<WithTrace text="Running again." trace_id={again.trace_id} />)
        },
        onError: error => tell(error.message, 'bad'),
      },
    )
  return (
    <header className="shrink-0 px-4 pt-3 pb-2">
      <div className="flex items-center gap-2">
        <KindIcon kind={span.kind} className="size-4" />
        <h2 className="min-w-0 flex-1 truncate text-base font-semibold" title={span.name}>
          {span.name}
        </h2>
        <StatusBadge status={span.status} />
      </div>
      <p className="num mt-1 text-xs text-muted">
        {kindName(span.kind)} · {span.status === 'running' ? 'still running' : duration(span.duration_us)}
        {span.queue_wait_us > 0 && ` · waited ${duration(span.queue_wait_us)}`}
        {span.attempt > 1 && ` · attempt ${span.attempt}`}
      </p>
      <div className="mt-2.5 flex flex-wrap gap-2">
        {!read_only && span.status !== 'running' && (
          <>
            <Button
              icon={<Play className="size-3" />}
              disabled={!span.has_input || rerun.isPending}
              title={span.has_input ? 'With the recorded input' : 'No input was recorded'}
              onClick={() => run()}
            >
              Run again
            </Button>
            <Button
              icon={<Pencil className="size-3" />}
              disabled={recorded.isPending}
              onClick={() => setEditing(recorded.data?.input ?? {})}
            >
              Edit and run
            </Button>
          </>
        )}
        <Button
          look="ghost"
          icon={<Workflow className="size-3" />}
          onClick={() => navigate(to.flow('*', `step:${span.name}`))}
        >
          Open step
        </Button>
      </div>
      {editing !== undefined && (
        <RerunDialog
          step={span.name}
          input={editing}
          busy={rerun.isPending}
          error={rerun.error}
          onRun={run}
          onClose={() => setEditing(undefined)}
        />
      )}
    </header>
  )
}

function Lines({ lines, empty }: { lines: LogLine[]; empty: string }) {
  if (lines.length === 0) return <p className="p-4 text-xs text-muted">{empty}</p>
  return (
    <ol className="divide-y divide-line/60">
      {lines.map(line => (
        <li key={line.position} className="px-4 py-1.5">
          <p className="flex items-baseline gap-2 text-xs">
            <Link
              href={to.logs({ trace_id: line.trace_id, at: line.position })}
              className="num shrink-0 font-mono text-2xs text-faint hover:text-live"
              title="Show it among the logs"
            >
              {clock(line.at_ms)}
            </Link>
            <LevelText level={line.level} />
            <span className="min-w-0 break-words">{line.message}</span>
          </p>
          {line.data !== null && (
            <div className="mt-1 pl-4">
              <LogData data={line.data} />
            </div>
          )}
        </li>
      ))}
    </ol>
  )
}
