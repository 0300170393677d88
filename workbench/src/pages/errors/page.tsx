import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import { useRefresh } from '@/api/live-hooks'
import * as read from '@/api/queries'
import type { ErrorGroup } from '@/api/types'
import { count, plural } from '@/format'
import { usePlace } from '@/place'
import { Page } from '@/shell/page'
import { Empty, Loading } from '@/ui/empty'
import { Select } from '@/ui/field'
import { ProblemPage } from '@/ui/problem'
import { Rows } from '@/ui/rows'
import { Facts, Section } from '@/ui/section'
import { Split } from '@/ui/split'
import { Stack } from '@/ui/stack'
import { Count } from '@/ui/status'
import { Ago } from '@/ui/time'
import { to } from '@/urls'

const ROW_PX = 58
const SETTLED_MS = 1_000

/** Failures grouped by their cause: what is wrong, how often, since when. */
export default function ErrorsPage() {
  const [place, change] = usePlace()
  const steps = useQuery(read.steps).data ?? []
  const errors = useQuery(read.errors({ step: place.step }))
  useRefresh('traces', ['traces', 'errors'], SETTLED_MS, ({ items }) =>
    items.some(trace => trace.failures > 0),
  )
  const groups = errors.data ?? []
  const at = groups.findIndex(group => group.cause === place.cause)
  const chosen = groups[at] ?? groups[0]
  return (
    <Page
      title="Errors"
      lead={
        <Select
          aria-label="Step"
          value={place.step ?? ''}
          onChange={event =>
            change({ step: event.target.value || undefined, cause: undefined }, { replace: true })
          }
          className="max-w-48"
        >
          <option value="">Any step</option>
          {steps.map(step => (
            <option key={step.name}>{step.name}</option>
          ))}
        </Select>
      }
      tools={errors.data && <span className="num text-xs text-muted">{plural(groups.length, 'cause')}</span>}
    >
      {errors.error ? (
        <ProblemPage error={errors.error} retry={() => void errors.refetch()} />
      ) : errors.data === undefined ? (
        <Loading />
      ) : chosen === undefined ? (
        <Empty title="Nothing has failed">
          When a step raises, times out or crashes, it is listed here, once for each cause.
        </Empty>
      ) : (
        <Split name="errors" label="Width of the list" kept="start" initial_px={440} min_px={280}>
          <Rows
            items={groups}
            keyOf={group => group.cause}
            row_px={ROW_PX}
            label="Causes"
            selected={at}
            onMove={index => change({ cause: groups[index]?.cause }, { replace: true })}
          >
            {group => <GroupRow group={group} chosen={group === chosen} />}
          </Rows>
          <Detail key={chosen.cause} group={chosen} />
        </Split>
      )}
    </Page>
  )
}

function GroupRow({ group, chosen }: { group: ErrorGroup; chosen: boolean }) {
  return (
    <Link
      href={to.errors(group.cause)}
      replace
      aria-current={chosen ? 'true' : undefined}
      className={`flex h-full items-start gap-3 border-b border-line/60 px-4 py-2.5 ${chosen ? 'bg-pressed' : 'hover:bg-hover'}`}
    >
      <span className="min-w-0 flex-1">
        <span className="block truncate text-sm font-medium">
          {group.message || group.type || group.code}
        </span>
        <span className="block truncate text-xs text-muted">
          {group.step} · <span className="font-mono text-2xs">{group.type || group.code}</span>
        </span>
      </span>
      <span className="flex shrink-0 flex-col items-end gap-0.5">
        <Count value={count(group.count)} tone={group.retried === group.count ? 'quiet' : 'bad'} />
        <Ago at_ms={group.last_ms} className="text-2xs text-muted" />
      </span>
    </Link>
  )
}

const timesOf = ({ count: all, retried }: ErrorGroup): string =>
  retried === 0 ? 'none of them' : retried === all ? 'all of them' : `${count(retried)} of them`

function Detail({ group }: { group: ErrorGroup }) {
  return (
    <div className="h-full divide-y divide-line overflow-auto">
      <header className="px-4 py-3">
        <h2 className="text-base font-semibold break-words">{group.message || group.type || group.code}</h2>
        <div className="mt-3">
          <Facts
            facts={[
              ['Failures', <span className="num">{count(group.count)}</span>],
              ['Tried again', <span className="num">{timesOf(group)}</span>],
              [
                'Step',
                <Link
                  href={to.flow('*', `step:${group.step}`, 'source')}
                  className="text-live hover:underline"
                >
                  {group.step}
                </Link>,
              ],
              ['Type', <code className="font-mono">{group.type}</code>],
              ['Code', <code className="font-mono">{group.code}</code>],
              ['Where', group.where && <code className="font-mono">{group.where}</code>],
              ['First', <Ago at_ms={group.first_ms} />],
              ['Last', <Ago at_ms={group.last_ms} />],
            ]}
          />
        </div>
      </header>
      {group.stack && (
        <Section title="Stack of the last one">
          <Stack text={group.stack} />
        </Section>
      )}
      <Section title="Traces">
        <ul className="flex flex-col gap-1">
          {group.trace_ids.map(id => (
            <li key={id}>
              <Link href={to.trace(id)} className="font-mono text-xs text-live hover:underline">
                {id}
              </Link>
            </li>
          ))}
        </ul>
        <p className="mt-3 text-xs">
          {group.retried < group.count ? (
            <Link href={to.traces({ step: group.step, status: 'failed' })} className="text-live underline">
              All failed traces of this step
            </Link>
          ) : (
            <Link href={to.traces({ step: group.step, status: 'retried' })} className="text-live underline">
              All traces of this step that went well after retries
            </Link>
          )}
        </p>
      </Section>
    </div>
  )
}
