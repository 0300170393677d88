import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useCallback, useMemo } from 'react'
import { Link } from 'wouter'
import { useLive, useRefresh } from '@/api/live-hooks'
import * as read from '@/api/queries'
import type { Queue } from '@/api/types'
import { count, plural } from '@/format'
import { Bulks } from '@/pages/queues/bulks'
import { PausedBadge } from '@/pages/queues/pausing'
import { feedOf, QueueView } from '@/pages/queues/queue'
import { usePlace } from '@/place'
import { useKeys } from '@/shell/keys'
import { Page } from '@/shell/page'
import { Empty, Loading } from '@/ui/empty'
import { Choice, SearchInput } from '@/ui/field'
import { KindIcon } from '@/ui/kind'
import { ProblemPage } from '@/ui/problem'
import { Split } from '@/ui/split'
import { Ago } from '@/ui/time'
import { to } from '@/urls'

const SETTLED_MS = 400

const same = (one: { topic: string; step: string }, other: { topic: string; step: string }) =>
  one.topic === other.topic && one.step === other.step

/** Every queue with what waits in it, live; one of them opened. */
export default function QueuesPage() {
  const [place, change] = usePlace()
  const queues = useQuery(read.queues)
  useLiveQueues()
  useRefresh('queues', ['queues', 'bulks'], SETTLED_MS)
  const bulks = place.view === 'bulks'
  const text = (place.text ?? '').toLowerCase()
  const shown = (queues.data ?? []).filter(queue =>
    `${queue.step} ${queue.topic}`.toLowerCase().includes(text),
  )
  // What needs somebody is opened; chosen once, so that it stays when it is mended.
  const loaded = queues.data !== undefined
  const needy = useMemo(() => queues.data?.find(queue => queue.dead > 0), [loaded])
  const first = needy && shown.find(queue => queue.step === needy.step && queue.topic === needy.topic)
  const chosen =
    shown.find(
      queue => queue.step === place.step && (place.topic === undefined || queue.topic === place.topic),
    ) ??
    shown.find(queue => place.step === undefined && queue.topic === place.topic) ??
    first ??
    shown[0]
  const move = (way: number) => {
    const at = shown.findIndex(queue => queue === chosen) + way
    const next = shown[Math.min(shown.length - 1, Math.max(0, at))]
    if (next) change({ topic: next.topic, step: next.step }, { replace: true })
  }
  useKeys({ j: () => move(1), k: () => move(-1) })
  return (
    <Page
      title="Queues"
      lead={
        !bulks && (
          <SearchInput
            label="Step or topic"
            value={place.text ?? ''}
            onChange={value => change({ text: value || undefined }, { replace: true })}
            className="w-56"
          />
        )
      }
      tools={
        <>
          {queues.data && !bulks && (
            <span className="text-xs text-muted">{plural(shown.length, 'queue')}</span>
          )}
          <Choice
            label="Show"
            value={bulks ? 'bulks' : 'queues'}
            options={[
              { value: 'queues', text: 'Queues' },
              { value: 'bulks', text: 'Bulks' },
            ]}
            onChange={value => change({ view: value === 'bulks' ? value : undefined })}
          />
        </>
      }
    >
      {bulks ? (
        <Bulks />
      ) : queues.error ? (
        <ProblemPage error={queues.error} retry={() => void queues.refetch()} />
      ) : queues.data === undefined ? (
        <Loading />
      ) : chosen === undefined ? (
        <Empty title={queues.data.length === 0 ? 'No queues yet' : 'No queue matches'}>
          {queues.data.length === 0 &&
            'A step with a queue trigger has a queue of its own; messages wait here.'}
        </Empty>
      ) : (
        <Split
          name="queues"
          label="Width of the list"
          kept="start"
          initial_px={480}
          min_px={400}
          max_px={800}
        >
          <List queues={shown} chosen={chosen} />
          <QueueView
            key={`${chosen.topic}\n${chosen.step}`}
            queue={chosen}
            tab={place.tab ?? (chosen.dead > 0 || chosen.kind === 'cron' ? 'dead' : 'send')}
            onTab={tab => change({ topic: chosen.topic, step: chosen.step, tab }, { replace: true })}
          />
        </Split>
      )}
    </Page>
  )
}

/** Counts come over the live channel; the lists of letters follow when theirs change. */
function useLiveQueues(): void {
  const client = useQueryClient()
  const apply = useCallback(
    ({ items }: { items: Queue[] }) => {
      const { queryKey } = read.queues
      const before = client.getQueryData<Queue[]>(queryKey)
      if (before === undefined) return
      const fresh = items.filter(item => !before.some(queue => same(queue, item)))
      client.setQueryData(queryKey, [
        ...before.map(queue => items.find(item => same(item, queue)) ?? queue),
        ...fresh,
      ])
      const moved = items.some(item => {
        const old = before.find(queue => same(queue, item))
        return old?.dead !== item.dead || old.scheduled !== item.scheduled
      })
      if (!moved) return
      for (const part of ['dead', 'groups', 'scheduled']) {
        void client.invalidateQueries({ queryKey: ['queues', part] })
      }
    },
    [client],
  )
  useLive('queues', apply)
}

function List({ queues, chosen }: { queues: Queue[]; chosen: Queue }) {
  return (
    <div className="h-full overflow-auto">
      <table className="w-full table-fixed text-left text-xs">
        <thead className="sticky top-0 z-10 bg-panel">
          <tr className="label h-8 [&>th]:border-b [&>th]:border-line [&>th]:font-medium">
            <th scope="col" className="pl-4">
              Queue
            </th>
            <th
              scope="col"
              className="w-15 text-right"
              title="May run now, or when their group or a limit lets them"
            >
              Waiting
            </th>
            <th scope="col" className="w-15 text-right" title="Running or about to">
              Running
            </th>
            <th scope="col" className="w-18 text-right" title="Due later: delayed or retried">
              Scheduled
            </th>
            <th scope="col" className="w-15 pr-4 text-right" title="Will not be tried again">
              Dead
            </th>
          </tr>
        </thead>
        <tbody>
          {queues.map(queue => (
            <tr
              key={`${queue.topic}\n${queue.step}`}
              className={`h-11 [&>td]:border-b [&>td]:border-line/60 ${queue === chosen ? 'bg-pressed' : 'hover:bg-hover'}`}
            >
              <td className="p-0">
                <Link
                  href={to.queues({ topic: queue.topic, step: queue.step })}
                  aria-current={queue === chosen ? 'true' : undefined}
                  className="flex h-11 min-w-0 flex-col justify-center pl-4"
                >
                  <span className="flex items-center gap-2">
                    <KindIcon kind={queue.kind} className="size-3" />
                    <span className="truncate text-sm font-medium">{queue.step}</span>
                    {queue.paused && <PausedBadge />}
                  </span>
                  <span className="truncate pl-5 font-mono text-2xs text-muted">
                    {feedOf(queue)}
                    {!queue.defined && <span className="text-warn"> · no such step any more</span>}
                    {queue.oldest_ready_at_ms !== null && (
                      <>
                        {' '}
                        · oldest <Ago at_ms={queue.oldest_ready_at_ms} />
                      </>
                    )}
                  </span>
                </Link>
              </td>
              <Number value={queue.ready + queue.blocked + queue.limited} />
              <Number value={queue.claimed} tone="text-live" />
              <Number value={queue.scheduled} />
              <Number value={queue.dead} tone="text-bad font-medium" className="pr-4" />
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Number({ value, tone = '', className = '' }: { value: number; tone?: string; className?: string }) {
  return <td className={`num text-right ${value > 0 ? tone : 'text-faint'} ${className}`}>{count(value)}</td>
}
