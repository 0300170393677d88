import { Hourglass, Send, Timer, TriangleAlert, Undo2, UserCheck } from 'lucide-react'
import { useState, type ReactNode } from 'react'
import * as read from '@/api/queries'
import type { RunDetail } from '@/api/types'
import { PayloadInput, payloadOf } from '@/forms/payload'
import { ApprovalForm } from '@/pages/workflow/approval'
import { useReadOnly } from '@/shell/session'
import { Button } from '@/ui/button'
import { ProblemNote } from '@/ui/problem'
import { Ago } from '@/ui/time'
import { useToast } from '@/ui/toast'
import { api } from '@/urls'

/** What an open run waits for, and how a person lets it go on. */
export function Waiting({ run }: { run: RunDetail }) {
  const none = run.held === null && run.waits.length + run.timers.length + run.approvals.length === 0
  if (run.ended_at_ms !== null || (none && run.undo === null)) return null
  return (
    <section aria-label="Waits for" className="flex flex-col gap-2 bg-sunken px-4 py-3">
      {run.held && (
        <Card icon={<TriangleAlert className="size-3.5 text-bad" />} title="Its code changed under it">
          <p>
            {run.held.cause.message} It goes on when the code it began with is back. Retry it to go on with
            the code that there is.
          </p>
        </Card>
      )}
      {run.undo && (
        <Card icon={<Undo2 className="size-3.5 text-warn" />} title="It is being undone">
          <p>{run.undo.cause.message ?? run.undo.cause.code}</p>
        </Card>
      )}
      {run.approvals.map(approval => (
        <Card
          key={approval.name}
          icon={<UserCheck className="size-3.5 text-warn" />}
          title={approval.title}
          due_at_ms={approval.expires_at_ms}
          due="expires"
        >
          <ApprovalForm approval={approval} />
        </Card>
      ))}
      {run.waits.map(wait => (
        <Card
          key={wait.name}
          icon={<Hourglass className="size-3.5 text-warn" />}
          title={<Awaited wait={wait.name} />}
          due_at_ms={wait.due_at_ms}
          due="gives up"
        >
          {wait.kind === 'wait' && <Answer run={run} wait={wait.name} />}
        </Card>
      ))}
      {run.timers.map(timer => (
        <Card
          key={timer.name}
          icon={<Timer className="size-3.5 text-warn" />}
          title={
            <>
              {timer.kind === 'sleep' ? 'Sleeps' : 'Tries again'}:{' '}
              <code className="font-mono">{timer.name}</code>
            </>
          }
          due_at_ms={timer.due_at_ms}
          due="goes on"
        />
      ))}
    </section>
  )
}

type CardProps = {
  icon: ReactNode
  title: ReactNode
  due_at_ms?: number | null
  due?: string
  children?: ReactNode
}

function Card({ icon, title, due_at_ms = null, due, children }: CardProps) {
  return (
    <div className="rounded-lg border border-line-strong bg-panel px-3 py-2.5 text-xs">
      <div className="flex items-center gap-2">
        {icon}
        <span className="min-w-0 flex-1 truncate font-medium">{title}</span>
        {due_at_ms !== null && (
          <span className="num shrink-0 text-muted">
            {due} <Ago at_ms={due_at_ms} />
          </span>
        )}
      </div>
      {children && <div className="mt-2 text-muted">{children}</div>}
    </div>
  )
}

/** `wait topic`, `signal name`, with `#2` behind the second of its kind: as the journal names what is awaited. */
const AWAITED = /^(wait|signal) (.+?)(?:#\d+)?$/

function Awaited({ wait }: { wait: string }) {
  const [, kind, name] = AWAITED.exec(wait) ?? []
  const what = kind === 'wait' ? 'the event ' : kind === 'signal' ? 'the signal ' : ''
  return (
    <>
      Waits for {what}
      <code className="font-mono">{name ?? wait}</code>
    </>
  )
}

/** Sends what a run waits for: a signal to this run only, or an event to all who wait for its topic. */
function Answer({ run, wait }: { run: RunDetail; wait: string }) {
  const [open, setOpen] = useState(false)
  const [payload, setPayload] = useState(() => payloadOf('{}'))
  const send = read.useSend<{ woken?: number }>('runs', 'queues')
  const read_only = useReadOnly()
  const tell = useToast()
  const [, kind, name = ''] = AWAITED.exec(wait) ?? []
  if (read_only || kind === undefined) return null
  if (!open) {
    return (
      <Button icon={<Send className="size-3" />} onClick={() => setOpen(true)}>
        {kind === 'signal' ? 'Send the signal…' : 'Send an event…'}
      </Button>
    )
  }
  const data = payload.value ?? null
  const fire = () =>
    send.mutate(
      kind === 'signal'
        ? { url: api.runSignal(run.id), body: { name, data } }
        : { url: api.emit(name), body: { data } },
      {
        onSuccess: ({ woken }) =>
          tell(woken === 0 ? 'Kept until the run comes to wait for it.' : 'Sent to what waits for it.'),
      },
    )
  return (
    <div className="flex flex-col gap-2">
      {kind === 'wait' && <p>An event goes to every run that waits for it and whose fields it matches.</p>}
      <PayloadInput
        label={`Data of ${name}`}
        schema={null}
        payload={payload}
        onChange={setPayload}
        onSubmit={fire}
      />
      {send.error && <ProblemNote error={send.error} />}
      <div className="flex gap-2">
        <Button
          look="primary"
          icon={<Send className="size-3" />}
          disabled={send.isPending || payload.wrong !== null}
          onClick={fire}
        >
          Send
        </Button>
        <Button look="ghost" onClick={() => setOpen(false)}>
          Not now
        </Button>
      </div>
    </div>
  )
}
