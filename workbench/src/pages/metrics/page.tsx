import { useQuery } from '@tanstack/react-query'
import { type ReactNode } from 'react'
import { Link } from 'wouter'
import { useRefresh } from '@/api/live-hooks'
import * as read from '@/api/queries'
import type { Metrics, Series } from '@/api/types'
import { count, duration, percent, plural, short } from '@/format'
import { Plot } from '@/pages/metrics/plot'
import { usePlace } from '@/place'
import { Page } from '@/shell/page'
import { Empty, Loading } from '@/ui/empty'
import { Choice } from '@/ui/field'
import { ProblemPage } from '@/ui/problem'
import { to } from '@/urls'

const RANGES = { '15m': 15, '1h': 60, '6h': 360, '24h': 1_440 }
type Range = keyof typeof RANGES
const MINUTE_MS = 60_000
const SETTLED_MS = 2_000

const rangeText = (range: Range): string => range.replace('m', ' min').replace('h', ' h')

const isRange = (text: string | undefined): text is Range => text !== undefined && text in RANGES

/** How much runs, how fast and how well; for all steps, and by step. */
export default function MetricsPage() {
  const [place, change] = usePlace()
  const range: Range = isRange(place.range) ? place.range : '15m'
  const metrics = useQuery(
    read.metrics(() => ({ since_ms: Date.now() - RANGES[range] * MINUTE_MS }), [range]),
  )
  // Points move on while something runs; an idle project asks for nothing.
  useRefresh('activity', ['traces', 'metrics'], SETTLED_MS)
  return (
    <Page
      title="Metrics"
      tools={
        <Choice
          label="Time range"
          value={range}
          options={(Object.keys(RANGES) as Range[]).map(value => ({ value, text: rangeText(value) }))}
          onChange={value => change({ range: value === '15m' ? undefined : value }, { replace: true })}
        />
      }
    >
      {metrics.error ? (
        <ProblemPage error={metrics.error} retry={() => void metrics.refetch()} />
      ) : metrics.data === undefined ? (
        <Loading />
      ) : sum(metrics.data.total.runs) === 0 ? (
        <Empty title={`Nothing ran in the last ${rangeText(range)}`}>
          Throughput, failures and durations are drawn here as soon as a step runs.
        </Empty>
      ) : (
        <Shown
          metrics={metrics.data}
          chosen={place.step}
          onChoose={step => change({ step }, { replace: true })}
          range={range}
        />
      )}
    </Page>
  )
}

const sum = (values: number[]): number => values.reduce((total, value) => total + Math.max(0, value), 0)
const known = (values: number[], scale = 1): (number | null)[] =>
  values.map(value => (value < 0 ? null : value * scale))

type ShownProps = {
  metrics: Metrics
  chosen: string | undefined
  onChoose: (step: string | undefined) => void
  range: Range
}

function Shown({ metrics, chosen, onChoose, range }: ShownProps) {
  const step = chosen === undefined ? undefined : metrics.steps[chosen]
  const series: Series = step ?? metrics.total
  const { end_to_end, thresholds, at_ms } = metrics
  const per_s = 1_000 / metrics.bucket_ms
  const limit_us = thresholds.latency_ms * 1_000
  const queues = metrics.queues.filter(queue => step === undefined || queue.step === chosen)
  const depth = at_ms.map((_, at) => total(queues.map(queue => queue.depth[at] ?? -1)))
  const age = at_ms.map((_, at) => highest(queues.map(queue => queue.age_ms[at] ?? -1)))
  return (
    <div className="h-full overflow-auto p-4">
      <section
        aria-label="End to end"
        className="mb-4 flex flex-wrap gap-px overflow-hidden rounded-lg border border-line bg-line"
      >
        <Figure name="Traces">{count(end_to_end.traces)}</Figure>
        <Figure
          name="Success"
          bad={end_to_end.error_rate > thresholds.error_rate}
          limit={percent(1 - thresholds.error_rate)}
        >
          {percent(1 - end_to_end.error_rate)}
        </Figure>
        <Figure name="End to end p50">{duration(end_to_end.p50_us)}</Figure>
        <Figure name="p95" bad={end_to_end.p95_us > limit_us} limit={duration(limit_us)}>
          {duration(end_to_end.p95_us)}
        </Figure>
        <Figure name="p99" bad={end_to_end.p99_us > limit_us} limit={duration(limit_us)}>
          {duration(end_to_end.p99_us)}
        </Figure>
      </section>
      {step && (
        <p className="mb-3 text-xs text-muted">
          The plots show <span className="font-medium text-ink">{chosen}</span> only.{' '}
          <button type="button" className="text-live underline" onClick={() => onChoose(undefined)}>
            Show all steps
          </button>
        </p>
      )}
      <div className="grid gap-3 xl:grid-cols-2">
        <Plot
          title="Executions"
          least={1}
          at_ms={at_ms}
          show={value => `${short(Math.round(value * 100) / 100)}/s`}
          lines={[
            {
              label: 'all',
              values: series.runs.map(runs => runs * per_s),
              colour: '--live',
              fill: '--live-soft',
            },
            { label: 'retried', values: series.retried.map(runs => runs * per_s), colour: '--warn' },
            { label: 'failed', values: series.failures.map(runs => runs * per_s), colour: '--bad' },
          ]}
        />
        <Plot
          title="Duration of an execution"
          least={1_000}
          at_ms={at_ms}
          show={duration}
          lines={[
            { label: 'p50', values: known(series.p50_us), colour: '--good' },
            { label: 'p95', values: known(series.p95_us), colour: '--live' },
            { label: 'p99', values: known(series.p99_us), colour: '--warn' },
          ]}
        />
        <Plot
          title="Waiting messages"
          empty="Nothing waited for longer than a second"
          least={4}
          at_ms={at_ms}
          show={value => short(Math.round(value))}
          lines={[{ label: 'messages', values: known(depth), colour: '--live', fill: '--live-soft' }]}
        />
        <Plot
          title="Age of the oldest message"
          empty="Nothing waited for longer than a second"
          least={1_000_000}
          at_ms={at_ms}
          show={duration}
          lines={[{ label: 'oldest', values: known(age, 1_000), colour: '--warn' }]}
        />
      </div>
      <StepTable metrics={metrics} chosen={step && chosen} onChoose={onChoose} range={range} />
    </div>
  )
}

/** -1 where nothing was sampled. */
const total = (values: number[]): number => (values.every(value => value < 0) ? -1 : sum(values))
const highest = (values: number[]): number => Math.max(-1, ...values)

type FigureProps = { name: string; bad?: boolean; limit?: string; children: ReactNode }

function Figure({ name, bad = false, limit, children }: FigureProps) {
  return (
    <div className="flex-1 basis-40 bg-panel px-4 py-3">
      <p className="label flex justify-between">
        {name}
        {bad && limit && <span className="text-bad">limit {limit}</span>}
      </p>
      <p className={`num mt-0.5 text-xl font-semibold ${bad ? 'text-bad' : ''}`}>{children}</p>
    </div>
  )
}

type TableProps = {
  metrics: Metrics
  chosen: string | undefined
  onChoose: (step: string) => void
  range: Range
}

function StepTable({ metrics, chosen, onChoose, range }: TableProps) {
  const steps = Object.entries(metrics.steps).sort(
    ([, one], [, other]) => other.summary.runs - one.summary.runs,
  )
  const { thresholds } = metrics
  return (
    <div className="mt-4 overflow-x-auto rounded-lg border border-line">
      <table className="w-full text-left text-xs">
        <caption className="sr-only">{plural(steps.length, 'step')} by executions</caption>
        <thead>
          <tr className="label h-8 [&>th]:px-4 [&>th]:font-medium [&>th]:whitespace-nowrap [&>th+th]:text-right">
            <th scope="col">Step</th>
            <th scope="col">Executions</th>
            <th scope="col">Per second</th>
            <th scope="col">Retried</th>
            <th scope="col">Failed</th>
            <th scope="col">p50</th>
            <th scope="col">p95</th>
            <th scope="col">p99</th>
            <th scope="col">Waited p95</th>
          </tr>
        </thead>
        <tbody>
          {steps.map(([name, { summary }]) => {
            const ended = summary.runs - summary.retried
            const rate = ended === 0 ? 0 : summary.failures / ended
            return (
              <tr
                key={name}
                className={`num h-8 [&>td]:border-t [&>td]:border-line/60 [&>td]:px-4 [&>td+td]:text-right [&>td+td]:whitespace-nowrap ${name === chosen ? 'bg-pressed' : 'hover:bg-hover'}`}
              >
                <td className="w-full max-w-0 min-w-40">
                  <button
                    type="button"
                    aria-pressed={name === chosen}
                    title={name}
                    className="block max-w-full truncate text-sm font-medium"
                    onClick={() => onChoose(name)}
                  >
                    {name}
                  </button>
                </td>
                <td>{count(summary.runs)}</td>
                <td>{summary.per_s.toFixed(summary.per_s < 1 ? 2 : 1)}</td>
                <td className={summary.retried > 0 ? 'text-warn' : 'text-muted'}>{count(summary.retried)}</td>
                <td className={rate > thresholds.error_rate ? 'text-bad' : 'text-muted'}>
                  <Link href={to.traces({ step: name, status: 'failed' })}>
                    {count(summary.failures)} ({percent(rate)})
                  </Link>
                </td>
                <td>{duration(summary.p50_us)}</td>
                <td>{duration(summary.p95_us)}</td>
                <td>{duration(summary.p99_us)}</td>
                <td className="text-muted">{duration(summary.wait_p95_us)}</td>
              </tr>
            )
          })}
        </tbody>
      </table>
      <p className="border-t border-line px-4 py-2 text-2xs text-faint">
        The last {rangeText(range)}, in points of {duration(metrics.bucket_ms * 1_000)}. Retried: attempts
        that failed and were tried again; failed: those that were not.
      </p>
    </div>
  )
}
