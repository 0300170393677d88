import { Link } from 'wouter'
import { useLiveList } from '@/api/live-list'
import * as read from '@/api/queries'
import { duration } from '@/format'
import { Empty, Loading } from '@/ui/empty'
import { ProblemNote } from '@/ui/problem'
import { StatusIcon } from '@/ui/status'
import { Ago } from '@/ui/time'
import { to } from '@/urls'

const SHOWN = 50

/** The traces that a step had part in, live. */
export function StepRuns({ step }: { step: string }) {
  const list = useLiveList(
    'traces',
    read.traces({ step, limit: SHOWN }),
    {
      idOf: trace => trace.trace_id,
      rankOf: trace => trace.started_ms,
      matches: trace => trace.steps.includes(step),
    },
    false,
  )
  if (list.error) {
    return (
      <div className="p-4">
        <ProblemNote error={list.error} retry={() => void list.refetch()} />
      </div>
    )
  }
  if (list.isPending) return <Loading />
  if (list.items.length === 0)
    return <Empty title="It has not run yet">Its runs appear here as they happen.</Empty>
  return (
    <div>
      <ul>
        {list.items.slice(0, SHOWN).map(trace => (
          <li key={trace.trace_id}>
            <Link
              href={to.trace(trace.trace_id)}
              className="flex h-8 items-center gap-2.5 border-b border-line/60 px-4 text-xs hover:bg-hover"
            >
              <StatusIcon status={trace.status} />
              <span className={`min-w-0 flex-1 truncate ${trace.error ? 'text-bad' : ''}`}>
                {trace.error ?? trace.name}
              </span>
              <span className="num text-muted">{duration(trace.duration_us)}</span>
              <Ago at_ms={trace.started_ms} className="w-16 text-right text-muted" />
            </Link>
          </li>
        ))}
      </ul>
      <p className="p-4 text-xs">
        <Link href={to.traces({ step })} className="text-live underline">
          All traces of this step
        </Link>
      </p>
    </div>
  )
}
