import { ChevronDown, ChevronRight, RotateCcw } from 'lucide-react'
import { useState } from 'react'
import { Link } from 'wouter'
import * as read from '@/api/queries'
import type { DeadLetter, Sent } from '@/api/types'
import { plural } from '@/format'
import { PayloadInput, payloadOf, textOf } from '@/forms/payload'
import { useReadOnly } from '@/shell/session'
import { Button } from '@/ui/button'
import { Facts } from '@/ui/section'
import { Stack } from '@/ui/stack'
import { Ago } from '@/ui/time'
import { useToast } from '@/ui/toast'
import { WithTrace } from '@/ui/trace-link'
import { api, to } from '@/urls'

type Props = { letter: DeadLetter; open: boolean; onToggle: () => void }

/** One dead letter: payload, which may be mended, errors, and its trace. */
export function Letter({ letter, open, onToggle }: Props) {
  const Fold = open ? ChevronDown : ChevronRight
  return (
    <>
      <button
        type="button"
        aria-expanded={open}
        onClick={onToggle}
        className="flex h-8 w-full items-center gap-2 px-4 text-left text-xs hover:bg-hover"
      >
        <Fold className="size-3.5 shrink-0 text-faint" aria-hidden />
        <code className="min-w-0 flex-1 truncate font-mono text-2xs text-muted">
          {JSON.stringify(letter.data)}
        </code>
        <Ago at_ms={letter.died_at_ms} className="shrink-0 text-muted" />
      </button>
      {open && <Opened letter={letter} />}
    </>
  )
}

function Opened({ letter }: { letter: DeadLetter }) {
  const [payload, setPayload] = useState(() => payloadOf(textOf(letter.data)))
  const redrive = read.useSend<Sent>('queues')
  const read_only = useReadOnly()
  const tell = useToast()
  const changed = payload.text !== textOf(letter.data)
  const send = () => {
    const { topic, step, id } = letter
    redrive.mutate(
      { url: api.redriveOne(id), body: { topic, step, ...(changed ? { data: payload.value } : {}) } },
      {
        onSuccess: sent => tell(<WithTrace text="Sent again." trace_id={sent.trace_id} />),
        onError: error => tell(error.message, 'bad'),
      },
    )
  }
  return (
    <div className="flex flex-col gap-3 px-4 pt-1 pb-4">
      <Facts
        facts={[
          ['Message', <code className="font-mono text-2xs">{letter.id}</code>],
          [
            'Failed',
            plural(letter.failures, 'time') +
              (letter.crashes > 0 ? `, ${plural(letter.crashes, 'crash', 'crashes')}` : ''),
          ],
          ['Enqueued', <Ago at_ms={letter.enqueued_at_ms} />],
          ['Group', letter.group],
          [
            'Trace',
            <Link href={to.trace(letter.trace_id)} className="font-mono text-2xs text-live hover:underline">
              {letter.trace_id}
            </Link>,
          ],
        ]}
      />
      {letter.error?.stack && <Stack text={letter.error.stack} />}
      <PayloadInput label="Payload" schema={null} payload={payload} onChange={setPayload} onSubmit={send} />
      {!read_only && (
        <Button
          className="self-start"
          look={changed ? 'primary' : 'plain'}
          icon={<RotateCcw className="size-3" />}
          disabled={redrive.isPending || payload.wrong !== null}
          onClick={send}
        >
          {changed ? 'Redrive as edited' : 'Redrive'}
        </Button>
      )}
    </div>
  )
}
