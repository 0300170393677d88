import { useQuery } from '@tanstack/react-query'
import { Ban } from 'lucide-react'
import { useState } from 'react'
import * as read from '@/api/queries'
import type { Bulk } from '@/api/types'
import { count, plural } from '@/format'
import { useReadOnly } from '@/shell/session'
import { Button } from '@/ui/button'
import { CopyButton } from '@/ui/copy'
import { Confirm } from '@/ui/dialog'
import { Empty, Loading } from '@/ui/empty'
import { ProblemPage } from '@/ui/problem'
import { Ago } from '@/ui/time'
import { useToast } from '@/ui/toast'
import { api } from '@/urls'

/** Messages that were enqueued many at once: how far each bulk has come, and a way to end it. */
export function Bulks() {
  const bulks = useQuery(read.bulks)
  if (bulks.error) return <ProblemPage error={bulks.error} retry={() => void bulks.refetch()} />
  if (bulks.data === undefined) return <Loading />
  if (bulks.data.length === 0) {
    return (
      <Empty title="No bulks" command={'await ctx.enqueue_many("mail.due", people)'}>
        Messages that are enqueued many at once are followed, and cancelled, as one.
      </Empty>
    )
  }
  return (
    <ul className="h-full overflow-auto" aria-label="Bulks">
      {bulks.data.map(bulk => (
        <Row key={bulk.id} bulk={bulk} />
      ))}
    </ul>
  )
}

const PARTS = [
  ['completed', 'done', 'bg-good', 'text-good'],
  ['running', 'running', 'bg-live', 'text-live'],
  ['dead', 'dead', 'bg-bad', 'text-bad'],
  ['cancelled', 'cancelled', 'bg-faint/60', 'text-muted'],
  ['waiting', 'waiting', '', 'text-muted'],
] as const

function Row({ bulk }: { bulk: Bulk }) {
  const open = bulk.waiting + bulk.running
  const ended = bulk.total - open
  return (
    <li className="flex items-center gap-6 border-b border-line px-4 py-3">
      <div className="w-76 shrink-0">
        <p className="flex items-center gap-1 font-mono text-2xs">
          {bulk.id} <CopyButton text={bulk.id} label="Copy the id" />
        </p>
        <p className="text-xs text-muted">
          {plural(bulk.total, 'message')}, <Ago at_ms={bulk.started_at_ms} />
        </p>
      </div>
      <div className="min-w-0 flex-1">
        <div
          role="progressbar"
          aria-label="Ended"
          aria-valuemin={0}
          aria-valuemax={bulk.total}
          aria-valuenow={ended}
          className="flex h-1.5 overflow-hidden rounded-full bg-hover"
        >
          {PARTS.map(([name, , colour]) => (
            <span
              key={name}
              className={colour}
              style={{ width: `${(bulk[name] / Math.max(1, bulk.total)) * 100}%` }}
            />
          ))}
        </div>
        <p className="num mt-1.5 flex flex-wrap gap-x-4 text-xs">
          {PARTS.filter(([name]) => bulk[name] > 0).map(([name, text, , tone]) => (
            <span key={name} className={tone}>
              {count(bulk[name])} {text}
            </span>
          ))}
        </p>
      </div>
      <div className="flex w-20 shrink-0 justify-end">{open > 0 && <CancelBulk bulk={bulk} />}</div>
    </li>
  )
}

function CancelBulk({ bulk }: { bulk: Bulk }) {
  const [asking, setAsking] = useState(false)
  const cancel = read.useSend<{ cancelled: number }>('queues')
  const read_only = useReadOnly()
  const tell = useToast()
  if (read_only) return null
  return (
    <>
      <Button look="danger" icon={<Ban className="size-3" />} onClick={() => setAsking(true)}>
        Cancel
      </Button>
      {asking && (
        <Confirm
          title="Cancel this bulk"
          action={`Cancel ${plural(bulk.waiting + bulk.running, 'message')}`}
          dismiss="Let them run"
          busy={cancel.isPending}
          onClose={() => setAsking(false)}
          onConfirm={() =>
            cancel.mutate(
              { url: api.bulkCancel(bulk.id) },
              {
                onSuccess: ({ cancelled }) => tell(`${plural(cancelled, 'message')} cancelled.`),
                onError: error => tell(error.message, 'bad'),
                onSettled: () => setAsking(false),
              },
            )
          }
        >
          What has not begun never runs; what runs is asked to end. What is done stays done.
        </Confirm>
      )}
    </>
  )
}
