import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { ChevronDown, ChevronRight, RotateCcw, Trash2 } from 'lucide-react'
import { useState } from 'react'
import * as read from '@/api/queries'
import type { DeadGroup, DeadLetter, Queue, Selection } from '@/api/types'
import { count, plural } from '@/format'
import { Letter } from '@/pages/queues/letter'
import { Redrive } from '@/pages/queues/redrive'
import { useReadOnly } from '@/shell/session'
import { Button } from '@/ui/button'
import { Confirm } from '@/ui/dialog'
import { Empty, Loading } from '@/ui/empty'
import { ProblemNote } from '@/ui/problem'
import { Count } from '@/ui/status'
import { Ago } from '@/ui/time'
import { useToast } from '@/ui/toast'
import { api } from '@/urls'

/** The dead letters of a queue under their causes; each cause is sent again or thrown away as one. */
export function DeadLetters({ queue }: { queue: Queue }) {
  const groups = useQuery(read.deadGroups({ topic: queue.topic, step: queue.step }))
  const [open, setOpen] = useState<string | null>(null)
  if (groups.error) {
    return (
      <div className="p-4">
        <ProblemNote error={groups.error} retry={() => void groups.refetch()} />
      </div>
    )
  }
  if (groups.data === undefined) return <Loading />
  if (groups.data.length === 0) {
    return (
      <Empty title="No dead letters">What fails for good is kept here, to be mended and sent again.</Empty>
    )
  }
  return (
    <div>
      {groups.data.length > 1 && (
        <div className="flex items-center justify-between border-b border-line px-4 py-2">
          <span className="text-xs text-muted">{plural(groups.data.length, 'cause')}</span>
          <Actions
            what={`all ${plural(queue.dead, 'letter')} of this queue`}
            selection={{ topic: queue.topic, step: queue.step }}
          />
        </div>
      )}
      <ul>
        {groups.data.map(group => (
          <li key={group.cause} className="border-b border-line">
            <Group
              group={group}
              open={open === group.cause || groups.data.length === 1}
              onToggle={() => setOpen(open === group.cause ? null : group.cause)}
            />
          </li>
        ))}
      </ul>
    </div>
  )
}

function Group({ group, open, onToggle }: { group: DeadGroup; open: boolean; onToggle: () => void }) {
  const Fold = open ? ChevronDown : ChevronRight
  return (
    <>
      <div className="@container flex items-start gap-3 px-4 py-2.5">
        <button
          type="button"
          aria-expanded={open}
          onClick={onToggle}
          className="relative min-w-0 flex-1 pl-5 text-left"
        >
          <Fold className="absolute top-1 left-0 size-3.5 text-faint" aria-hidden />
          <span className="block text-sm font-medium break-words">{group.message || group.code}</span>
          <span className="flex flex-wrap gap-x-2 text-2xs text-muted">
            <code className="font-mono">{group.type || group.code}</code>
            <span className="whitespace-nowrap">
              last <Ago at_ms={group.last_ms} />
            </span>
          </span>
        </button>
        <Count value={count(group.count)} tone="bad" />
        <Actions
          what={plural(group.count, 'letter')}
          selection={{ topic: group.topic, step: group.step, cause: group.cause }}
        />
      </div>
      {open && <Letters group={group} />}
    </>
  )
}

const PAGE = 50

function Letters({ group }: { group: DeadGroup }) {
  const list = useInfiniteQuery(
    read.deadLetters({ topic: group.topic, step: group.step, group: group.cause, limit: PAGE }),
  )
  const [open, setOpen] = useState<string | null>(null)
  if (list.error) return <ProblemNote error={list.error} retry={() => void list.refetch()} />
  if (list.data === undefined) return <Loading />
  const letters: DeadLetter[] = list.data.pages.flatMap(page => page.items)
  return (
    <ul className="border-t border-line bg-sunken">
      {letters.map(letter => (
        <li key={letter.id} className="border-b border-line/60 last:border-0">
          <Letter
            letter={letter}
            open={open === letter.id}
            onToggle={() => setOpen(open === letter.id ? null : letter.id)}
          />
        </li>
      ))}
      {list.hasNextPage && (
        <li className="p-2 text-center">
          <Button look="ghost" disabled={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
            Show more
          </Button>
        </li>
      )}
    </ul>
  )
}

/** Send again, or purge, all that a selection means. */
function Actions({ what, selection }: { what: string; selection: Selection }) {
  const read_only = useReadOnly()
  const tell = useToast()
  const [asking, setAsking] = useState(false)
  const [sending, setSending] = useState(false)
  const purge = read.useSend<{ purged: number }>('queues')
  const busy = purge.isPending
  const onError = (error: Error) => tell(error.message, 'bad')
  if (read_only) return null
  return (
    <span className="flex gap-1.5">
      <Button
        icon={<RotateCcw className="size-3" />}
        title={`Send ${what} again`}
        disabled={busy}
        onClick={() => setSending(true)}
      >
        <span className="@max-md:sr-only">Redrive</span>
      </Button>
      {sending && <Redrive selection={selection} onClose={() => setSending(false)} />}
      <Button
        look="danger"
        icon={<Trash2 className="size-3" />}
        title={`Throw away ${what}`}
        disabled={busy}
        onClick={() => setAsking(true)}
      >
        <span className="@max-md:sr-only">Purge</span>
      </Button>
      {asking && (
        <Confirm
          title="Purge dead letters"
          action="Purge"
          busy={busy}
          onClose={() => setAsking(false)}
          onConfirm={() =>
            purge.mutate(
              { url: api.purge, body: selection },
              {
                onSuccess: ({ purged }) => {
                  setAsking(false)
                  tell(`${plural(purged, 'letter')} purged.`)
                },
                onError,
              },
            )
          }
        >
          This throws away {what}, payloads and errors with them. It cannot be undone.
        </Confirm>
      )}
    </span>
  )
}
