import { useQuery } from '@tanstack/react-query'
import * as read from '@/api/queries'
import type { Span } from '@/api/types'
import { duration, stamp } from '@/format'
import { callText } from '@/pages/traces/waterfall'
import { CopyButton } from '@/ui/copy'
import { Loading } from '@/ui/empty'
import { JsonTree } from '@/ui/json'
import { ProblemNote } from '@/ui/problem'
import { Facts, Section } from '@/ui/section'
import { Stack } from '@/ui/stack'
import { HttpStatus } from '@/ui/status'

/** What became of the message. */
const VERDICTS: Record<string, string> = {
  retried: 'tried again',
  crashed: 'tried again',
  snoozed: 'put off by its handler',
  released: 'given back',
  dead: 'dead-lettered',
  suspended: 'waits',
}
/** Attributes that the facts of an execution tell. */
const TOLD = ['topic', 'message_id', 'verdict']

/** What went in and came out of one execution, and all that was recorded of it. */
export function SpanDetails({ trace_id, span }: { trace_id: string; span: Span }) {
  const detail = useQuery({ ...read.spanDetail(trace_id, span.span_id), enabled: span.status !== 'running' })
  if (span.status === 'running') {
    return <p className="p-4 text-xs text-muted">Input, output and calls are recorded when it ends.</p>
  }
  if (detail.error) {
    return (
      <div className="p-4">
        <ProblemNote error={detail.error} retry={() => void detail.refetch()} />
      </div>
    )
  }
  if (detail.data === undefined) return <Loading />
  const { error, input, output, attributes, has_input, has_output } = detail.data
  const more = Object.fromEntries(Object.entries(attributes ?? {}).filter(([name]) => !TOLD.includes(name)))
  return (
    <div className="divide-y divide-line">
      {error && (
        <Section
          title="Error"
          tools={<CopyButton text={`${error.type}: ${error.message}\n${error.stack}`} />}
        >
          <p className="mb-2 text-sm break-words text-bad">
            <span className="font-semibold">{error.type || error.code}</span>
            {error.message && <>: {error.message}</>}
          </p>
          {error.hint && <p className="mb-2 text-xs text-muted">{error.hint}</p>}
          {error.stack && <Stack text={error.stack} />}
        </Section>
      )}
      {has_input && (
        <Section title="Input">
          <JsonTree value={input} label="Input" />
        </Section>
      )}
      {has_output && (
        <Section title="Output">
          <JsonTree value={output} label="Output" />
        </Section>
      )}
      <Section title="Execution">
        <Facts
          facts={[
            ['Started', <span className="num font-mono">{stamp(span.started_ms)}</span>],
            ['Duration', <span className="num">{duration(span.duration_us)}</span>],
            ['Waited', span.queue_wait_us > 0 && <span className="num">{duration(span.queue_wait_us)}</span>],
            ['Attempt', String(span.attempt)],
            ['Then', span.verdict && (VERDICTS[span.verdict] ?? span.verdict)],
            [
              'Route',
              span.route && <code className="font-mono">{`${span.method ?? ''} ${span.route}`}</code>,
            ],
            ['Response', span.http_status != null && <HttpStatus status={span.http_status} />],
            ['Topic', span.topic && <code className="font-mono">{span.topic}</code>],
            ['Message', span.message_id && <code className="font-mono text-2xs">{span.message_id}</code>],
            ['Span', <code className="font-mono text-2xs">{span.span_id}</code>],
          ]}
        />
      </Section>
      {span.calls.length > 0 && (
        <Section title="Calls">
          <table className="w-full text-xs">
            <thead className="sr-only">
              <tr>
                <th>At</th>
                <th>Call</th>
                <th>Took</th>
              </tr>
            </thead>
            <tbody>
              {span.calls.map((call, index) => (
                <tr key={index}>
                  <td className="num w-18 py-0.5 text-faint">+{duration(call.offset_us)}</td>
                  <td className={`font-mono text-2xs break-all ${call.ok ? '' : 'text-bad'}`}>
                    {callText(call)}
                  </td>
                  <td className="num w-16 text-right text-muted">{duration(call.duration_us)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          {span.calls_left_out > 0 && (
            <p className="mt-1 text-xs text-muted">{span.calls_left_out} more were not recorded.</p>
          )}
        </Section>
      )}
      {Object.keys(more).length > 0 && (
        <Section title="Attributes">
          <JsonTree value={more} label="Attributes" />
        </Section>
      )}
    </div>
  )
}
