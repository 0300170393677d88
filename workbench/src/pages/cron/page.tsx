import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Play } from 'lucide-react'
import { Link } from 'wouter'
import { useLive } from '@/api/live-hooks'
import * as read from '@/api/queries'
import type { Cron, Sent } from '@/api/types'
import { stamp } from '@/format'
import { StepRuns } from '@/forms/runs'
import { usePlace } from '@/place'
import { useKeys } from '@/shell/keys'
import { Page } from '@/shell/page'
import { useReadOnly } from '@/shell/session'
import { Button } from '@/ui/button'
import { Empty, Loading } from '@/ui/empty'
import { StepHead } from '@/ui/head'
import { ProblemPage } from '@/ui/problem'
import { Facts, Section } from '@/ui/section'
import { Split } from '@/ui/split'
import { StatusIcon } from '@/ui/status'
import { Ago } from '@/ui/time'
import { useToast } from '@/ui/toast'
import { WithTrace } from '@/ui/trace-link'
import { api, to } from '@/urls'

const idOf = (cron: Cron): string => `${cron.step}#${cron.trigger}`

/** What runs by the clock: when next, how it went, and a button that runs it now. */
export default function CronPage() {
  const [place, change] = usePlace()
  const client = useQueryClient()
  const crons = useQuery(read.crons)
  useLive('traces', ({ items }) => {
    if (items.some(trace => trace.kind === 'cron')) {
      void client.invalidateQueries({ queryKey: read.crons.queryKey })
    }
  })
  const chosen =
    crons.data?.find(cron => idOf(cron) === place.step || cron.step === place.step) ?? crons.data?.[0]
  const move = (way: number) => {
    const at = (crons.data ?? []).findIndex(cron => cron === chosen) + way
    const next = crons.data?.[Math.max(0, Math.min(crons.data.length - 1, at))]
    if (next) change({ step: idOf(next) }, { replace: true })
  }
  useKeys({ j: () => move(1), k: () => move(-1) })
  return (
    <Page title="Cron">
      {crons.error ? (
        <ProblemPage error={crons.error} retry={() => void crons.refetch()} />
      ) : crons.data === undefined ? (
        <Loading />
      ) : chosen === undefined ? (
        <Empty title="Nothing runs by the clock" command={'@cron(id="nightly", schedule="0 2 * * *")'}>
          A step with a cron trigger is listed here with its next runs.
        </Empty>
      ) : (
        <Split name="cron" label="Width of the list" kept="start" initial_px={560} min_px={360} max_px={900}>
          <List crons={crons.data} chosen={chosen} />
          <Detail key={idOf(chosen)} cron={chosen} />
        </Split>
      )}
    </Page>
  )
}

function List({ crons, chosen }: { crons: Cron[]; chosen: Cron }) {
  return (
    <div className="@container h-full overflow-auto">
      <table className="w-full table-fixed text-left text-xs">
        <thead>
          <tr className="label h-8 [&>th]:border-b [&>th]:border-line [&>th]:font-medium">
            <th scope="col" className="pl-4">
              Step
            </th>
            <th scope="col" className="hidden w-32 @md:table-cell">
              Schedule
            </th>
            <th scope="col" className="w-22">
              Next
            </th>
            <th scope="col" className="w-28 pr-4">
              Last
            </th>
          </tr>
        </thead>
        <tbody>
          {crons.map(cron => (
            <tr
              key={idOf(cron)}
              className={`h-9 [&>td]:border-b [&>td]:border-line/60 ${cron === chosen ? 'bg-pressed' : 'hover:bg-hover'}`}
            >
              <td>
                <Link
                  href={to.cron(idOf(cron))}
                  replace
                  aria-current={cron === chosen ? 'true' : undefined}
                  className="block truncate pr-3 pl-4 text-sm leading-9 font-medium"
                >
                  {cron.step}
                </Link>
              </td>
              <td className="hidden truncate font-mono text-2xs text-muted @md:table-cell">
                {cron.expression}
              </td>
              <td>{cron.next_ms[0] === undefined ? 'never' : <Ago at_ms={cron.next_ms[0]} />}</td>
              <td className="pr-4">
                {cron.last ? (
                  <span className="flex items-center gap-1.5">
                    <StatusIcon status={cron.last.status} />
                    <Ago at_ms={cron.last.started_ms} className="text-muted" />
                  </span>
                ) : (
                  <span className="text-muted">never</span>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Detail({ cron }: { cron: Cron }) {
  const run = read.useSend<Sent>('queues')
  const read_only = useReadOnly()
  const tell = useToast()
  const fire = () =>
    run.mutate(
      { url: api.cronRun(cron.step), body: { trigger: cron.trigger } },
      {
        onSuccess: sent => tell(<WithTrace text="Running now." trace_id={sent.trace_id} />),
        onError: error => tell(error.message, 'bad'),
      },
    )
  return (
    <div className="flex h-full flex-col divide-y divide-line overflow-auto">
      <StepHead
        step={cron.step}
        tools={
          !read_only && (
            <Button look="primary" icon={<Play className="size-3" />} disabled={run.isPending} onClick={fire}>
              Run now
            </Button>
          )
        }
      >
        <p className="font-mono text-xs text-muted">{cron.expression}</p>
      </StepHead>
      <Section title="Schedule">
        <Facts
          facts={[
            ['Time zone', cron.timezone],
            ['Missed ticks', cron.missed],
            ['Overlap', cron.overlap],
            ['Last tick', cron.last_fired_ms !== null && <Ago at_ms={cron.last_fired_ms} />],
          ]}
        />
      </Section>
      <Section title="Next runs">
        <ol className="flex flex-col gap-1 text-xs">
          {cron.next_ms.map(at_ms => (
            <li key={at_ms} className="flex gap-3">
              <span className="num font-mono">{stamp(at_ms).slice(0, 19)}</span>
              <Ago at_ms={at_ms} className="text-muted" />
            </li>
          ))}
        </ol>
      </Section>
      <section aria-label="History">
        <h3 className="px-4 pt-3 pb-2 text-xs font-semibold">History</h3>
        <StepRuns step={cron.step} />
      </section>
    </div>
  )
}
