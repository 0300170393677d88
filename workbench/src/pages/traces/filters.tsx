import { useQuery } from '@tanstack/react-query'
import * as read from '@/api/queries'
import type { Step, Trace } from '@/api/types'
import type { Place } from '@/place'
import { SearchInput, Select } from '@/ui/field'
import { kindName } from '@/ui/kind'
import { failed, retries } from '@/ui/status'

const STATUSES = [
  ['failed', 'Failed'],
  ['running', 'Running'],
  ['ok', 'OK'],
  ['retried', 'OK after retries'],
  ['refused', 'Refused (4xx)'],
  ['cancelled', 'Cancelled'],
  ['timeout', 'Timed out'],
  ['crashed', 'Crashed'],
]
const DURATIONS = [
  ['100000', '≥ 100 ms'],
  ['500000', '≥ 500 ms'],
  ['1000000', '≥ 1 s'],
  ['10000000', '≥ 10 s'],
]
const TIMES = [
  ['900000', 'Last 15 min'],
  ['3600000', 'Last hour'],
  ['86400000', 'Last 24 h'],
  ['604800000', 'Last 7 d'],
]
const KINDS = ['http', 'queue', 'cron', 'state', 'stream', 'manual'] as const

export const FILTERS = ['status', 'kind', 'flow', 'step', 'min_us', 'last_ms', 'text'] as const

export const filtersOf = (place: Place): Record<string, string | undefined> =>
  Object.fromEntries(FILTERS.map(name => [name, place[name]]))

/** What the server filters by, said of one trace that came live. */
export function matches(trace: Trace, place: Place, steps: readonly Step[]): boolean {
  const { status, kind, flow, step, min_us, text } = place
  if (!hasStatus(trace, status)) return false
  if (kind && trace.kind !== kind) return false
  if (step && !trace.steps.includes(step)) return false
  if (min_us && trace.duration_us < Number(min_us)) return false
  if (flow && !steps.some(known => known.flows.includes(flow) && trace.steps.includes(known.name)))
    return false
  if (text) {
    const words =
      `${trace.trace_id} ${trace.name} ${trace.steps.join(' ')} ${trace.error ?? ''}`.toLowerCase()
    return words.includes(text.toLowerCase())
  }
  return true
}

function hasStatus(trace: Trace, status: string | undefined): boolean {
  if (status === 'failed') return failed(trace.status)
  if (status === 'retried') return retries(trace) > 0
  return !status || trace.status === status
}

type Props = { place: Place; onChange: (change: Record<string, string | undefined>) => void }

export function Filters({ place, onChange }: Props) {
  const steps = useQuery(read.steps).data ?? []
  const flows = useQuery(read.flows).data ?? []
  const select = (name: string, label: string, options: (readonly [string, string])[]) => (
    <Select
      aria-label={label}
      value={place[name] ?? ''}
      onChange={event => onChange({ [name]: event.target.value || undefined })}
      className="max-w-36"
    >
      <option value="">{label}</option>
      {options.map(([value, text]) => (
        <option key={value} value={value}>
          {text}
        </option>
      ))}
    </Select>
  )
  return (
    <>
      <SearchInput
        label="Name, error or trace id"
        value={place.text ?? ''}
        onChange={text => onChange({ text: text || undefined })}
        className="w-56 min-w-32"
      />
      {select('status', 'Any status', STATUSES as [string, string][])}
      {select(
        'kind',
        'Any trigger',
        KINDS.map(kind => [kind, kindName(kind)]),
      )}
      {select(
        'flow',
        'Any flow',
        flows.filter(flow => flow.name !== '*').map(flow => [flow.name, flow.name]),
      )}
      {select(
        'step',
        'Any step',
        steps.map(step => [step.name, step.name]),
      )}
      {select('min_us', 'Any duration', DURATIONS as [string, string][])}
      {select('last_ms', 'Any time', TIMES as [string, string][])}
    </>
  )
}
