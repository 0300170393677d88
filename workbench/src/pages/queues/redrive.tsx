import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import * as read from '@/api/queries'
import type { Forecast, Selection } from '@/api/types'
import { count, plural } from '@/format'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { Loading } from '@/ui/empty'
import { TextInput } from '@/ui/field'
import { ProblemNote } from '@/ui/problem'
import { useToast } from '@/ui/toast'
import { api } from '@/urls'

type Props = { selection: Selection; onClose: () => void }

/** Sends dead letters back: first says what would run, and lets them go one after the other at a rate. */
export function Redrive({ selection, onClose }: Props) {
  const forecast = useQuery(read.forecast(selection))
  const redrive = read.useSend<{ redriven: number }>('queues')
  const tell = useToast()
  const [rate, setRate] = useState('')
  const per_second = rate.trim() === '' ? undefined : Number(rate)
  const wrong = per_second !== undefined && !(per_second >= 0.001 && per_second <= 100_000)
  const letters = forecast.data?.letters
  const send = () =>
    redrive.mutate(
      { url: api.redrive, body: { ...selection, ...(per_second === undefined ? {} : { per_second }) } },
      {
        onSuccess: ({ redriven }) => {
          tell(`${plural(redriven, 'letter')} sent again.`)
          onClose()
        },
      },
    )
  return (
    <Dialog title="Redrive dead letters" onClose={onClose}>
      {forecast.error ? (
        <ProblemNote error={forecast.error} retry={() => void forecast.refetch()} />
      ) : forecast.data === undefined ? (
        <div className="h-16">
          <Loading />
        </div>
      ) : (
        <Told forecast={forecast.data} />
      )}
      <label className="mt-4 flex items-center gap-2 text-xs">
        At most
        <TextInput
          inputMode="decimal"
          aria-invalid={wrong}
          placeholder="all at once"
          value={rate}
          onChange={event => setRate(event.target.value)}
          className="w-24 text-right"
        />
        a second
        {!wrong && per_second !== undefined && letters !== undefined && letters > 1 && (
          <span className="text-muted">the last in {lasting((letters - 1) / per_second)}</span>
        )}
        {wrong && <span className="text-bad">0.001 to 100,000</span>}
      </label>
      {redrive.error && (
        <div className="mt-3">
          <ProblemNote error={redrive.error} />
        </div>
      )}
      <div className="mt-5 flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button
          look="primary"
          disabled={redrive.isPending || wrong || letters === undefined || letters === 0}
          onClick={send}
        >
          {letters === undefined ? 'Redrive' : `Redrive ${count(letters)}`}
        </Button>
      </div>
    </Dialog>
  )
}

function Told({ forecast }: { forecast: Forecast }) {
  const runs = forecast.letters - forecast.refused
  return (
    <div className="text-sm text-muted">
      <p>
        Would redrive <strong className="font-medium text-ink">{plural(forecast.letters, 'letter')}</strong>
        {forecast.refused === 0 ? '; every payload fits its step as it is now.' : '.'}
      </p>
      {forecast.refused > 0 && (
        <>
          <p className="mt-1">
            {count(runs)} would run. {plural(forecast.refused, 'letter')} would come back at once:
          </p>
          <ul className="mt-2 max-h-40 overflow-auto rounded-md border border-line bg-sunken text-xs">
            {forecast.refusals.map(refusal => (
              <li key={refusal.id} className="border-b border-line/60 px-3 py-1.5 last:border-0">
                <code className="font-mono text-2xs text-bad">{refusal.code}</code> {refusal.message}
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  )
}

function lasting(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`
  if (seconds < 5_400) return `${Math.round(seconds / 60)} min`
  return `${Math.round(seconds / 3_600)} h`
}
