import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useLocation } from 'wouter'
import { useLiveList, useMore } from '@/api/live-list'
import * as read from '@/api/queries'
import type { Trace } from '@/api/types'
import { count, duration, plural } from '@/format'
import { filtersOf, FILTERS, matches } from '@/pages/traces/filters'
import type { Place } from '@/place'
import { Button } from '@/ui/button'
import { Empty, Loading } from '@/ui/empty'
import { KindIcon } from '@/ui/kind'
import { ProblemPage } from '@/ui/problem'
import { Rows } from '@/ui/rows'
import { failed, Retried, retries, StatusIcon } from '@/ui/status'
import { Ago, useNow } from '@/ui/time'
import { query, to } from '@/urls'

const ROW_PX = 34
const NARROW_ROW_PX = 50
const PAGE = 200

type Props = { place: Place; chosen: string | undefined; onReset: () => void }

/** Every trace, newest first, live while its top is in sight. With one chosen it is a column beside it. */
export function TraceList({ place, chosen, onReset }: Props) {
  const steps = useQuery(read.steps).data
  const [held, setHeld] = useState(false)
  const [, navigate] = useLocation()
  const filters = filtersOf(place)
  const list = useLiveList(
    'traces',
    read.traces({ ...filters, limit: PAGE }),
    {
      idOf: trace => trace.trace_id,
      rankOf: trace => trace.started_ms,
      matches: trace => matches(trace, place, steps ?? []),
    },
    held,
  )
  const onEnd = useMore(list)
  const href = (trace: Trace) => to.trace(trace.trace_id) + query(filters)
  if (list.isPending) return <Loading />
  if (list.error && list.items.length === 0)
    return <ProblemPage error={list.error} retry={() => void list.refetch()} />
  if (list.items.length === 0) {
    return FILTERS.some(name => filters[name]) ? (
      <Empty title="No trace matches these filters">
        <Button onClick={onReset}>Clear the filters</Button>
      </Empty>
    ) : (
      <Empty title="Nothing has run yet">
        Every request, message and tick becomes a trace. Send a request, or use the page{' '}
        <Link href={to.endpoints()} className="text-live underline">
          Endpoints
        </Link>
        .
      </Empty>
    )
  }
  const longest = Math.max(...list.items.slice(0, PAGE).map(trace => trace.duration_us), 1)
  const narrow = chosen !== undefined
  return (
    <div className="relative flex h-full flex-col">
      {!narrow && <Heads />}
      {list.pending > 0 && (
        <div className="absolute inset-x-0 top-10 z-10 flex justify-center">
          <Button
            look="primary"
            className="rounded-full! shadow-pop"
            onClick={() => {
              setHeld(false)
              list.release()
            }}
          >
            {plural(list.pending, 'new trace')}
          </Button>
        </div>
      )}
      <div className="min-h-0 flex-1">
        <Rows
          items={list.items}
          keyOf={trace => trace.trace_id}
          row_px={narrow ? NARROW_ROW_PX : ROW_PX}
          label="Traces"
          selected={chosen === undefined ? -1 : list.items.findIndex(trace => trace.trace_id === chosen)}
          onMove={index => {
            const trace = list.items[index]
            if (trace) navigate(href(trace), { replace: narrow })
          }}
          onEnd={onEnd}
          onScroll={at_top => setHeld(!at_top)}
        >
          {trace =>
            narrow ? (
              <NarrowRow trace={trace} href={href(trace)} chosen={trace.trace_id === chosen} />
            ) : (
              <WideRow trace={trace} href={href(trace)} longest_us={longest} />
            )
          }
        </Rows>
      </div>
    </div>
  )
}

const COLUMNS =
  'grid grid-cols-[1.25rem_minmax(9rem,1fr)_minmax(0,1.6fr)_2.5rem_5rem_4.5rem] items-center gap-3 px-4 max-sm:grid-cols-[1.25rem_minmax(0,1fr)_4rem_5rem] lg:grid-cols-[1.25rem_minmax(10rem,1.4fr)_minmax(0,1.6fr)_4.5rem_11rem_5.5rem]'

function Heads() {
  return (
    <div className={`label h-7 shrink-0 border-b border-line ${COLUMNS}`} aria-hidden>
      <span />
      <span>Entry</span>
      <span className="max-sm:hidden">Steps</span>
      <span className="text-right max-sm:hidden">Runs</span>
      <span className="max-lg:text-right">Duration</span>
      <span className="text-right">Started</span>
    </div>
  )
}

/** The error, where it is how the trace ended. */
const told = (trace: Trace): string | null =>
  failed(trace.status) || trace.status === 'refused' ? trace.error : null

/** How long it took; of one that runs, how long it has taken. */
function Took({ trace }: { trace: Trace }) {
  const now_ms = useNow()
  const so_far_us = trace.status === 'running' ? (now_ms - trace.started_ms) * 1_000 : 0
  return duration(Math.max(trace.duration_us, so_far_us))
}

function WideRow({ trace, href, longest_us }: { trace: Trace; href: string; longest_us: number }) {
  const bad = failed(trace.status)
  return (
    <Link href={href} className={`h-full text-sm hover:bg-hover ${COLUMNS} border-b border-line/60`}>
      <StatusIcon status={trace.status} />
      <span className="flex min-w-0 items-center gap-2">
        <KindIcon kind={trace.kind} />
        <span className="truncate font-medium">{trace.name || '…'}</span>
      </span>
      <span className="flex min-w-0 items-center gap-2 max-sm:hidden">
        {retries(trace) > 0 && <Retried times={retries(trace)} />}
        <span className={`truncate text-xs ${bad ? 'text-bad' : 'text-muted'}`}>
          {told(trace) ?? trace.steps.filter(step => step !== trace.name).join(' → ')}
        </span>
      </span>
      <span className="num text-right text-xs text-muted max-sm:hidden">{count(trace.spans)}</span>
      <span className="flex items-center gap-2">
        <span className="h-1 flex-1 rounded-full bg-hover max-lg:hidden" aria-hidden>
          <span
            className={`block h-full min-w-0.5 rounded-full ${bad ? 'bg-bad' : 'bg-live'}`}
            style={{ width: `${(100 * trace.duration_us) / longest_us}%` }}
          />
        </span>
        <span className="num w-16 text-right text-xs max-lg:w-full">
          <Took trace={trace} />
        </span>
      </span>
      <Ago at_ms={trace.started_ms} className="text-right text-xs text-muted" />
    </Link>
  )
}

function NarrowRow({ trace, href, chosen }: { trace: Trace; href: string; chosen: boolean }) {
  return (
    <Link
      href={href}
      aria-current={chosen ? 'true' : undefined}
      className={`flex h-full items-start gap-2.5 border-b border-line/60 px-3 py-1.5 ${
        chosen ? 'bg-pressed' : 'hover:bg-hover'
      }`}
    >
      <StatusIcon status={trace.status} className="mt-0.5" />
      <span className="min-w-0 flex-1">
        <span className="flex items-baseline gap-2">
          <span className="flex-1 truncate text-sm font-medium">{trace.name || '…'}</span>
          <span className="num shrink-0 text-xs">
            <Took trace={trace} />
          </span>
        </span>
        <span className="flex items-baseline gap-2 text-2xs text-muted">
          <span className={`flex-1 truncate ${failed(trace.status) ? 'text-bad' : ''}`}>
            {told(trace) ?? plural(trace.spans, 'execution')}
            {retries(trace) > 0 && `, retried ${retries(trace)} ×`}
          </span>
          <Ago at_ms={trace.started_ms} className="shrink-0" />
        </span>
      </span>
    </Link>
  )
}
