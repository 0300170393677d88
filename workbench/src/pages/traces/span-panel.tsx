import { useQuery } from '@tanstack/react-query'
import { Pencil, Play, Workflow } from 'lucide-react'
import { useState } from 'react'
import { Link, useLocation } from 'wouter'
import * as read from '@/api/queries'
import type { Json, LogLine, Rerun, Span } from '@/api/types'
import { clock, duration, stamp } from '@/format'
import { RerunDialog } from '@/pages/traces/rerun'
import { callText } from '@/pages/traces/waterfall'
import { useReadOnly } from '@/shell/session'
import { Button } from '@/ui/button'
import { CopyButton } from '@/ui/copy'
import { Loading } from '@/ui/empty'
import { JsonTree } from '@/ui/json'
import { KindIcon, kindName } from '@/ui/kind'
import { ProblemNote } from '@/ui/problem'
import { Facts, Section } from '@/ui/section'
import { Stack } from '@/ui/stack'
import { HttpStatus, LevelText, StatusBadge } from '@/ui/status'
import { Tabs } from '@/ui/tabs'
import { useToast } from '@/ui/toast'
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
            { id: 'details', title: 'Details', body: <Details trace_id={trace_id} span={span} /> },
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
          tell(
            <span>
              Running again.{' '}
              <Link href={to.trace(again.trace_id)} className="font-medium text-live underline">
                Open its trace
              </Link>
            </span>,
          )
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

function Details({ trace_id, span }: { trace_id: string; span: Span }) {
  const detail = useQuery({ ...read.spanDetail(trace_id, span.span_id), enabled: span.status !== 'running' })
  if (span.status === 'running') {
    return <p className="p-4 text-xs text-muted">Input, output and calls are recorded when it ends.</p>
  }
  if (detail.error) {
    return (
      <div className="p-4">
        <ProblemNote error={detail.error} retry={() => void detail.refetch()} />
      </div>
    )
  }
  if (detail.data === undefined) return <Loading />
  const { error, input, output, attributes, has_input, has_output } = detail.data
  return (
    <div className="divide-y divide-line">
      {error && (
        <Section
          title="Error"
          tools={<CopyButton text={`${error.type}: ${error.message}\n${error.stack}`} />}
        >
          <p className="mb-2 text-sm break-words text-bad">
            <span className="font-semibold">{error.type || error.code}</span>
            {error.message && <>: {error.message}</>}
          </p>
          {error.hint && <p className="mb-2 text-xs text-muted">{error.hint}</p>}
          {error.stack && <Stack text={error.stack} />}
        </Section>
      )}
      {has_input && (
        <Section title="Input">
          <JsonTree value={input} label="Input" />
        </Section>
      )}
      {has_output && (
        <Section title="Output">
          <JsonTree value={output} label="Output" />
        </Section>
      )}
      <Section title="Execution">
        <Facts
          facts={[
            ['Started', <span className="num font-mono">{stamp(span.started_ms)}</span>],
            ['Duration', <span className="num">{duration(span.duration_us)}</span>],
            ['Waited', span.queue_wait_us > 0 && <span className="num">{duration(span.queue_wait_us)}</span>],
            ['Attempt', String(span.attempt)],
            ['Verdict', span.verdict],
            [
              'Route',
              span.route && <code className="font-mono">{`${span.method ?? ''} ${span.route}`}</code>,
            ],
            ['Response', span.http_status != null && <HttpStatus status={span.http_status} />],
            ['Topic', span.topic && <code className="font-mono">{span.topic}</code>],
            ['Message', span.message_id && <code className="font-mono text-2xs">{span.message_id}</code>],
            ['Span', <code className="font-mono text-2xs">{span.span_id}</code>],
          ]}
        />
      </Section>
      {span.calls.length > 0 && (
        <Section title="Calls">
          <table className="w-full text-xs">
            <thead className="sr-only">
              <tr>
                <th>At</th>
                <th>Call</th>
                <th>Took</th>
              </tr>
            </thead>
            <tbody>
              {span.calls.map((call, index) => (
                <tr key={index}>
                  <td className="num w-18 py-0.5 text-faint">+{duration(call.offset_us)}</td>
                  <td className={`font-mono text-2xs break-all ${call.ok ? '' : 'text-bad'}`}>
                    {callText(call)}
                  </td>
                  <td className="num w-16 text-right text-muted">{duration(call.duration_us)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          {span.calls_left_out > 0 && (
            <p className="mt-1 text-xs text-muted">{span.calls_left_out} more were not recorded.</p>
          )}
        </Section>
      )}
      {attributes !== null && Object.keys(attributes).length > 0 && (
        <Section title="Attributes">
          <JsonTree value={attributes} label="Attributes" />
        </Section>
      )}
    </div>
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
              <JsonTree value={line.data} label="Data of the line" />
            </div>
          )}
        </li>
      ))}
    </ol>
  )
}
