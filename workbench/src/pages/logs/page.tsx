import { useQuery } from '@tanstack/react-query'
import { Pause, Play, X } from 'lucide-react'
import { useCallback, useState } from 'react'
import { Link } from 'wouter'
import { useLiveList, useMore } from '@/api/live-list'
import * as read from '@/api/queries'
import type { Level, LogLine } from '@/api/types'
import { count, plural, stamp } from '@/format'
import { Line } from '@/pages/logs/line'
import { usePlace, type Place } from '@/place'
import { useKeys } from '@/shell/keys'
import { Page } from '@/shell/page'
import { Button, IconButton } from '@/ui/button'
import { CopyButton } from '@/ui/copy'
import { Empty, Loading } from '@/ui/empty'
import { SearchInput, Select } from '@/ui/field'
import { LogData } from '@/ui/log-data'
import { ProblemPage } from '@/ui/problem'
import { Rows } from '@/ui/rows'
import { Facts } from '@/ui/section'
import { Split } from '@/ui/split'
import { LevelText } from '@/ui/status'
import { to } from '@/urls'

const ROW_PX = 28
const PAGE = 500
const LEVELS: Level[] = ['debug', 'info', 'warning', 'error', 'critical']
const FILTERS = ['level', 'step', 'flow', 'trace_id', 'text'] as const
const NONE = Object.fromEntries(FILTERS.map(name => [name, undefined]))

/** What the server filters by, said of one line that came live. */
function matches(line: LogLine, place: Place, steps: readonly { name: string; flows: string[] }[]): boolean {
  const { level, step, flow, trace_id, text } = place
  if (level && LEVELS.indexOf(line.level) < LEVELS.indexOf(level as Level)) return false
  if (step && line.step !== step) return false
  if (trace_id && line.trace_id !== trace_id) return false
  if (flow && !steps.some(known => known.name === line.step && known.flows.includes(flow))) return false
  return !text || `${line.message} ${JSON.stringify(line.data)}`.toLowerCase().includes(text.toLowerCase())
}

export default function LogsPage() {
  const [place, change] = usePlace()
  const steps = useQuery(read.steps).data ?? []
  const [paused, setPaused] = useState(false)
  const [scrolled, setScrolled] = useState(false)
  const filters = Object.fromEntries(FILTERS.map(name => [name, place[name]]))
  const list = useLiveList(
    'logs',
    read.logs({ ...filters, limit: PAGE }),
    {
      idOf: line => line.position,
      rankOf: line => line.position,
      fixed: true,
      matches: line => matches(line, place, steps),
    },
    paused || scrolled,
  )
  const { items, hasNextPage } = list
  const onEnd = useMore(list)
  const replace = useCallback(
    (fields: Record<string, string | undefined>) => change(fields, { replace: true }),
    [change],
  )
  const onTrace = useCallback((trace_id: string) => change({ trace_id, at: undefined }), [change])
  const onOpen = useCallback((position: string | undefined) => replace({ at: position }), [replace])
  const at = place.at === undefined ? -1 : items.findIndex(line => String(line.position) === place.at)
  const chosen = items[at]
  useKeys({ Escape: () => replace({ at: undefined }), p: () => setPaused(!paused) })
  const release = () => {
    setPaused(false)
    setScrolled(false)
    list.release()
  }
  const rows = (
    <Rows
      items={items}
      keyOf={line => line.position}
      row_px={ROW_PX}
      label="Lines"
      selected={at}
      onMove={index => replace({ at: String(items[index]?.position) })}
      onEnd={onEnd}
      onScroll={at_top => setScrolled(!at_top)}
    >
      {line => <Line line={line} chosen={line === chosen} onOpen={onOpen} onTrace={onTrace} />}
    </Rows>
  )
  const filtered = FILTERS.some(name => filters[name])
  return (
    <Page
      title="Logs"
      lead={
        <>
          <SearchInput
            label="Text of a line"
            value={place.text ?? ''}
            onChange={text => replace({ text: text || undefined })}
            className="w-56 min-w-32"
          />
          <Select
            aria-label="Level"
            value={place.level ?? ''}
            onChange={event => replace({ level: event.target.value || undefined })}
          >
            <option value="">Any level</option>
            {LEVELS.slice(1).map(level => (
              <option key={level} value={level}>
                {level}
                {level === 'critical' ? '' : ' or worse'}
              </option>
            ))}
          </Select>
          <Select
            aria-label="Step"
            value={place.step ?? ''}
            onChange={event => replace({ step: event.target.value || undefined })}
            className="max-w-40"
          >
            <option value="">Any step</option>
            {steps.map(step => (
              <option key={step.name}>{step.name}</option>
            ))}
          </Select>
          {place.trace_id && (
            <Button
              icon={<X className="size-3" />}
              className="font-mono"
              title="Show all traces"
              onClick={() => replace({ trace_id: undefined })}
            >
              trace {place.trace_id.slice(-8)}
            </Button>
          )}
        </>
      }
      tools={
        <>
          <span className="num text-xs text-muted max-sm:hidden" aria-live="off">
            {plural(items.length, 'line')}
            {hasNextPage && ' and more'}
          </span>
          <Button
            icon={paused ? <Play className="size-3" /> : <Pause className="size-3" />}
            aria-pressed={paused}
            onClick={() => (paused ? release() : setPaused(true))}
          >
            {paused ? 'Resume' : 'Pause'}
          </Button>
        </>
      }
    >
      <div className="relative h-full">
        {list.pending > 0 && (
          <div className="absolute inset-x-0 top-2 z-10 flex justify-center">
            <Button look="primary" className="rounded-full! shadow-pop" onClick={release}>
              {count(list.pending)} new
            </Button>
          </div>
        )}
        {list.isPending ? (
          <Loading />
        ) : list.error && items.length === 0 ? (
          <ProblemPage error={list.error} retry={() => void list.refetch()} />
        ) : items.length === 0 ? (
          filtered ? (
            <Empty title="No line matches">
              <Button onClick={() => replace(NONE)}>Clear the filters</Button>
            </Empty>
          ) : (
            <Empty title="No lines yet" command={'ctx.logger.info("hello")'}>
              What steps log or print appears here, and is kept.
            </Empty>
          )
        ) : (
          <Split name="logs" label="Width of the details" kept="end" initial_px={420} min_px={280}>
            {rows}
            {chosen === undefined ? null : (
              <LinePanel line={chosen} onClose={() => replace({ at: undefined })} />
            )}
          </Split>
        )}
      </div>
    </Page>
  )
}

function LinePanel({ line, onClose }: { line: LogLine; onClose: () => void }) {
  return (
    <aside aria-label="Line" className="flex h-full flex-col overflow-auto">
      <header className="flex shrink-0 items-start gap-2 px-4 pt-3">
        <p className="min-w-0 flex-1 font-mono text-sm break-words whitespace-pre-wrap">{line.message}</p>
        <CopyButton text={line.message} label="Copy the message" />
        <IconButton label="Close" onClick={onClose} className="size-6!">
          <X />
        </IconButton>
      </header>
      <div className="flex flex-col gap-4 p-4">
        <Facts
          facts={[
            ['Time', <span className="num font-mono">{stamp(line.at_ms)}</span>],
            ['Level', <LevelText level={line.level} />],
            [
              'Step',
              <Link href={to.flow('*', `step:${line.step}`)} className="text-live hover:underline">
                {line.step}
              </Link>,
            ],
            [
              'Trace',
              line.trace_id && (
                <Link
                  href={to.trace(line.trace_id, line.span_id)}
                  className="font-mono text-2xs break-all text-live hover:underline"
                >
                  {line.trace_id}
                </Link>
              ),
            ],
          ]}
        />
        <LogData data={line.data} />
      </div>
    </aside>
  )
}
