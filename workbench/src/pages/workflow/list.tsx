import { useInfiniteQuery } from '@tanstack/react-query'
import { Link, useLocation } from 'wouter'
import { useMore } from '@/api/live-list'
import * as read from '@/api/queries'
import type { Run } from '@/api/types'
import { duration } from '@/format'
import { RunIcon } from '@/pages/workflow/status'
import { Button } from '@/ui/button'
import { Empty, Loading } from '@/ui/empty'
import { ProblemPage } from '@/ui/problem'
import { Rows } from '@/ui/rows'
import { Ago } from '@/ui/time'
import { to } from '@/urls'

const ROW_PX = 46
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
  return (
    <Rows
      items={runs}
      keyOf={run => `${run.id} ${run.step}`}
      row_px={ROW_PX}
      label="Runs"
      selected={chosen === undefined ? -1 : runs.findIndex(same)}
      onMove={index => {
        const run = runs[index]
        if (run) navigate(href(run), { replace: chosen !== undefined })
      }}
      onEnd={onEnd}
    >
      {run => <RunRow run={run} href={href(run)} chosen={same(run)} />}
    </Rows>
  )
}

function RunRow({ run, href, chosen }: { run: Run; href: string; chosen: boolean }) {
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
          {run.ended_at_ms !== null ? (
            duration((run.ended_at_ms - run.started_at_ms) * 1_000)
          ) : run.held !== null ? (
            <span className="text-bad">held</span>
          ) : run.due_at_ms !== null ? (
            <>
              due <Ago at_ms={run.due_at_ms} />
            </>
          ) : run.status === 'suspended' ? (
            'waits'
          ) : (
            ''
          )}
        </span>
        <Ago at_ms={run.started_at_ms} className="block text-2xs text-muted" />
      </span>
    </Link>
  )
}
