import { useQuery } from '@tanstack/react-query'
import { Ban } from 'lucide-react'
import { useState } from 'react'
import { Link } from 'wouter'
import * as read from '@/api/queries'
import type { RunDetail } from '@/api/types'
import { duration, stamp } from '@/format'
import { Journal } from '@/pages/workflow/journal'
import { RunBadge } from '@/pages/workflow/status'
import { Waiting } from '@/pages/workflow/waiting'
import { useReadOnly } from '@/shell/session'
import { Button } from '@/ui/button'
import { CopyButton } from '@/ui/copy'
import { Confirm } from '@/ui/dialog'
import { Loading } from '@/ui/empty'
import { JsonTree } from '@/ui/json'
import { ProblemPage } from '@/ui/problem'
import { Facts, Section } from '@/ui/section'
import { Ago } from '@/ui/time'
import { useToast } from '@/ui/toast'
import { api, to } from '@/urls'

/** One run: what it waits for, what it did, what went in and came out. */
export function RunView({ id, step }: { id: string; step: string }) {
  const run = useQuery(read.run(id, step))
  if (run.error) return <ProblemPage error={run.error} retry={() => void run.refetch()} />
  if (run.data === undefined) return <Loading />
  return (
    <div className="flex h-full flex-col">
      <Head run={run.data} />
      <div className="min-h-0 flex-1 divide-y divide-line overflow-auto">
        <Waiting run={run.data} />
        {run.data.error && (
          <Section title="Error">
            <p className="text-sm break-words text-bad">
              {run.data.error.type && <span className="font-medium">{run.data.error.type}: </span>}
              {run.data.error.message ?? run.data.error.code}
            </p>
          </Section>
        )}
        <Journal run={run.data} />
        <Section title="Input">
          <JsonTree value={run.data.input} label="Input" />
        </Section>
        {run.data.status === 'completed' && (
          <Section title="Output">
            <JsonTree value={run.data.output} label="Output" />
          </Section>
        )}
        <Section title="Run">
          <Facts
            facts={[
              ['Topic', <code className="font-mono">{run.data.topic}</code>],
              ['Started', stamp(run.data.started_at_ms)],
              ['Ended', run.data.ended_at_ms !== null && stamp(run.data.ended_at_ms)],
              [
                'Trace',
                <Link
                  href={to.trace(run.data.trace_id)}
                  className="font-mono text-2xs break-all text-live hover:underline"
                >
                  {run.data.trace_id}
                </Link>,
              ],
            ]}
          />
        </Section>
      </div>
    </div>
  )
}

function Head({ run }: { run: RunDetail }) {
  const read_only = useReadOnly()
  const open = run.ended_at_ms === null
  return (
    <header className="flex shrink-0 items-start gap-3 border-b border-line px-4 py-3">
      <div className="min-w-0 flex-1">
        <div className="flex items-center gap-2.5">
          <h2 className="truncate text-base font-semibold">
            <Link href={to.flow('*', `step:${run.step}`)} className="hover:text-live">
              {run.step}
            </Link>
          </h2>
          <RunBadge status={run.status} />
        </div>
        <p className="mt-0.5 flex items-center gap-1 text-xs text-muted">
          <code className="truncate font-mono text-2xs">{run.id}</code>
          <CopyButton text={run.id} label="Copy the id" />
          <span className="num shrink-0">
            {run.ended_at_ms === null ? (
              <>
                began <Ago at_ms={run.started_at_ms} />
              </>
            ) : (
              `took ${duration((run.ended_at_ms - run.started_at_ms) * 1_000)}`
            )}
          </span>
        </p>
      </div>
      {open && !read_only && <Cancel run={run} />}
    </header>
  )
}

/** Ends the run; what it did is undone, as its handler says how, unless that is declined. */
function Cancel({ run }: { run: RunDetail }) {
  const [asking, setAsking] = useState(false)
  const [undo, setUndo] = useState(true)
  const cancel = read.useSend<{ cancelled: number; undone: boolean }>('runs', 'queues')
  const tell = useToast()
  return (
    <>
      <Button look="danger" icon={<Ban className="size-3" />} onClick={() => setAsking(true)}>
        Cancel
      </Button>
      {asking && (
        <Confirm
          title={`Cancel this run of ${run.step}`}
          action="Cancel the run"
          busy={cancel.isPending}
          onClose={() => setAsking(false)}
          onConfirm={() =>
            cancel.mutate(
              { url: api.runCancel(run.id, run.step), body: { undo } },
              {
                onSuccess: ({ undone }) =>
                  tell(undone ? 'Cancelled; what it did is being undone.' : 'Cancelled.'),
                onError: error => tell(error.message, 'bad'),
                onSettled: () => setAsking(false),
              },
            )
          }
        >
          <p>It does not go on. A person or a timer it waits for is told nothing.</p>
          <label className="mt-3 flex items-center gap-2 text-ink">
            <input type="checkbox" checked={undo} onChange={event => setUndo(event.target.checked)} />
            Undo what its steps did, in reverse order
          </label>
        </Confirm>
      )}
    </>
  )
}
