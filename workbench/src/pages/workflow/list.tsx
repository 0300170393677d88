import { useInfiniteQuery } from '@tanstack/react-query'
import { Link, useLocation } from 'wouter'
import { useMore } from '@/api/live-list'
import * as read from '@/api/queries'
import type { Run } from '@/api/types'
import { duration } from '@/format'
import { RUN_STATUSES, RunIcon } from '@/pages/workflow/status'
import { Button } from '@/ui/button'
import { Empty, Loading } from '@/ui/empty'
import { ProblemPage } from '@/ui/problem'
import { Rows } from '@/ui/rows'
import { Ago } from '@/ui/time'
import { to } from '@/urls'

const ROW_PX = 34
const NARROW_ROW_PX = 46
const PAGE = 100

type Props = {
  status: string | undefined
  step: string | undefined
  chosen: string | undefined
  chosen_step: string | undefined
  onReset: () => void
}

/** Every run, the latest first. */
export function RunList({ status, step, chosen, chosen_step, onReset }: Props) {
  const [, navigate] = useLocation()
  const list = useInfiniteQuery(read.runs({ status, step, limit: PAGE }))
  const onEnd = useMore(list)
  if (list.error) return <ProblemPage error={list.error} retry={() => void list.refetch()} />
  if (list.data === undefined) return <Loading />
  const runs = list.data.pages.flatMap(page => page.items)
  if (runs.length === 0) {
    return status || step ? (
      <Empty title="No run matches these filters">
        <Button onClick={onReset}>Clear the filters</Button>
      </Empty>
    ) : (
      <Empty title="No runs yet" command={'await ctx.step("charge", charge, order)'}>
        A handler that uses <code className="font-mono">ctx.step</code>, sleeps or waits for an event becomes
        a durable run; what it did and what it waits for appears here.
      </Empty>
    )
  }
  const href = (run: Run) => to.run(run.id, run.step, { status, step })
  const same = (run: Run) => run.id === chosen && (chosen_step === undefined || run.step === chosen_step)
  const narrow = chosen !== undefined
  return (
    <div className="flex h-full flex-col">
      {!narrow && <Heads />}
      <div className="min-h-0 flex-1">
        <Rows
          items={runs}
          keyOf={run => `${run.id} ${run.step}`}
          row_px={narrow ? NARROW_ROW_PX : ROW_PX}
          label="Runs"
          selected={narrow ? runs.findIndex(same) : -1}
          onMove={index => {
            const run = runs[index]
            if (run) navigate(href(run), { replace: narrow })
          }}
          onEnd={onEnd}
        >
          {run =>
            narrow ? (
              <NarrowRow run={run} href={href(run)} chosen={same(run)} />
            ) : (
              <WideRow run={run} href={href(run)} />
            )
          }
        </Rows>
      </div>
    </div>
  )
}

const COLUMNS =
  'grid grid-cols-[1.25rem_minmax(9rem,1fr)_minmax(0,1.4fr)_5rem_5.5rem_5.5rem] items-center gap-3 px-4'

function Heads() {
  return (
    <div className={`label h-7 shrink-0 border-b border-line ${COLUMNS}`} aria-hidden>
      <span />
      <span>Step</span>
      <span>Run</span>
      <span>Status</span>
      <span className="text-right">Took or due</span>
      <span className="text-right">Started</span>
    </div>
  )
}

function WideRow({ run, href }: { run: Run; href: string }) {
  const { text, tone } = RUN_STATUSES[run.status]
  return (
    <Link href={href} className={`h-full border-b border-line/60 hover:bg-hover ${COLUMNS}`}>
      <RunIcon status={run.status} />
      <span className="truncate text-sm font-medium">{run.step}</span>
      <span className="truncate font-mono text-2xs text-muted">{run.id}</span>
      <span className={`truncate text-xs ${tone}`} aria-hidden>
        {text}
      </span>
      <span className="num text-right text-xs">
        <Next run={run} />
      </span>
      <Ago at_ms={run.started_at_ms} className="text-right text-xs text-muted" />
    </Link>
  )
}

function NarrowRow({ run, href, chosen }: { run: Run; href: string; chosen: boolean }) {
  return (
    <Link
      href={href}
      aria-current={chosen ? 'true' : undefined}
      className={`flex h-full items-center gap-3 border-b border-line/60 px-4 ${chosen ? 'bg-pressed' : 'hover:bg-hover'}`}
    >
      <RunIcon status={run.status} />
      <span className="min-w-0 flex-1">
        <span className="block truncate text-sm font-medium">{run.step}</span>
        <span className="block truncate font-mono text-2xs text-muted">{run.id}</span>
      </span>
      <span className="num shrink-0 text-right text-xs">
        <span className="block">
          <Next run={run} />
        </span>
        <Ago at_ms={run.started_at_ms} className="block text-2xs text-muted" />
      </span>
    </Link>
  )
}

/** How long it took; of an open run: when it goes on by itself, at the latest. */
function Next({ run }: { run: Run }) {
  if (run.ended_at_ms !== null) return duration((run.ended_at_ms - run.started_at_ms) * 1_000)
  if (run.held !== null) return <span className="text-bad">held</span>
  if (run.due_at_ms === null) return run.status === 'suspended' ? 'waits' : ''
  return (
    <>
      due <Ago at_ms={run.due_at_ms} />
    </>
  )
}
