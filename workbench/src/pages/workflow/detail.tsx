import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import * as read from '@/api/queries'
import type { RunDetail } from '@/api/types'
import { duration, stamp } from '@/format'
import { CancelRun, RetryRun } from '@/pages/workflow/actions'
import { Journal } from '@/pages/workflow/journal'
import { RunBadge } from '@/pages/workflow/status'
import { Waiting } from '@/pages/workflow/waiting'
import { useReadOnly } from '@/shell/session'
import { CopyButton } from '@/ui/copy'
import { Loading } from '@/ui/empty'
import { StepHead } from '@/ui/head'
import { JsonTree } from '@/ui/json'
import { ProblemPage } from '@/ui/problem'
import { Facts, Section } from '@/ui/section'
import { Ago } from '@/ui/time'
import { to } from '@/urls'

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
              ['Started', <span className="num font-mono">{stamp(run.data.started_at_ms)}</span>],
              [
                'Ended',
                run.data.ended_at_ms !== null && (
                  <span className="num font-mono">{stamp(run.data.ended_at_ms)}</span>
                ),
              ],
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
  return (
    <StepHead
      step={run.step}
      badge={<RunBadge status={run.status} />}
      tools={
        !read_only && (
          <>
            {(run.ended_at_ms !== null || run.held) && <RetryRun run={run} />}
            {run.ended_at_ms === null && <CancelRun run={run} />}
          </>
        )
      }
    >
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
      {run.custom_status !== null && (
        <p className="mt-1 truncate text-xs" title="What the run says of itself">
          {typeof run.custom_status === 'string' ? run.custom_status : JSON.stringify(run.custom_status)}
        </p>
      )}
    </StepHead>
  )
}
