import { Send } from 'lucide-react'
import { useState } from 'react'
import * as read from '@/api/queries'
import type { Called, Json, Schema, Sent } from '@/api/types'
import { duration, plural } from '@/format'
import { PayloadInput, payloadOf, textOf } from '@/forms/payload'
import { useReadOnly } from '@/shell/session'
import { Button } from '@/ui/button'
import { JsonTree } from '@/ui/json'
import { ProblemNote } from '@/ui/problem'
import { Stack } from '@/ui/stack'
import { WithTrace } from '@/ui/trace-link'

type Props = {
  label: string
  schema: Schema | null
  example: Json | null
  /** Where a message goes. */
  send_url: string
  /** Where a call that waits for its result goes, where there is such a thing. */
  call_url?: string
}

/** Send a message, or call and wait; then the trace it made. */
export function SendForm({ label, schema, example, send_url, call_url }: Props) {
  const [payload, setPayload] = useState(() => payloadOf(textOf(example ?? {})))
  const send = read.useSend<Sent>('queues')
  const call = read.useSend<Called>()
  const read_only = useReadOnly()
  const body = { data: payload.value ?? null }
  const busy = send.isPending || call.isPending
  const off = busy || payload.wrong !== null || read_only
  const fire = () => {
    if (off) return
    call.reset()
    send.mutate({ url: send_url, body })
  }
  const wait = () => {
    send.reset()
    call.mutate({ url: call_url ?? '', body })
  }
  const error = send.error ?? call.error
  return (
    <div className="flex flex-col gap-3 p-4">
      <PayloadInput label={label} schema={schema} payload={payload} onChange={setPayload} onSubmit={fire} />
      <div className="flex items-center gap-2">
        <Button look="primary" icon={<Send className="size-3" />} disabled={off} onClick={fire}>
          Send
        </Button>
        {call_url && (
          <Button disabled={off} onClick={wait}>
            {call.isPending ? 'Running…' : 'Call and wait'}
          </Button>
        )}
        {read_only && <span className="text-xs text-muted">This console only reads.</span>}
      </div>
      <div aria-live="polite" className="flex flex-col gap-3">
        {error && <ProblemNote error={error} />}
        {send.data && <SentNote sent={send.data} />}
        {call.data && <CalledNote called={call.data} />}
      </div>
    </div>
  )
}

function SentNote({ sent }: { sent: Sent }) {
  return (
    <p className="rounded-lg bg-good-soft p-3 text-xs">
      <WithTrace
        text={sent.warning ?? `Sent to ${plural(sent.queues.length, 'queue')}.`}
        trace_id={sent.trace_id}
      />
    </p>
  )
}

function CalledNote({ called }: { called: Called }) {
  return (
    <div className="flex flex-col gap-2">
      <p className={`rounded-lg p-3 text-xs ${called.ok ? 'bg-good-soft' : 'bg-bad-soft'}`}>
        <WithTrace
          text={`${called.ok ? 'Returned' : `Failed: ${called.error?.message ?? ''}`} after ${duration(called.duration_us)}.`}
          trace_id={called.trace_id}
        />
      </p>
      {called.ok && called.result !== undefined && <JsonTree value={called.result} label="Result" />}
      {called.error?.stack && <Stack text={called.error.stack} />}
    </div>
  )
}
