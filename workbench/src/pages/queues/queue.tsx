import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import * as read from '@/api/queries'
import type { Queue } from '@/api/types'
import { count } from '@/format'
import { SendForm } from '@/forms/send'
import { TopicForm } from '@/forms/topic'
import { DeadLetters } from '@/pages/queues/dead'
import { PausedBadge, Pausing } from '@/pages/queues/pausing'
import { Empty, Loading } from '@/ui/empty'
import { StepHead } from '@/ui/head'
import { kindName } from '@/ui/kind'
import { ProblemNote } from '@/ui/problem'
import { Count } from '@/ui/status'
import { Tabs } from '@/ui/tabs'
import { Ago } from '@/ui/time'
import { api, to } from '@/urls'

/** What fills a queue. Queues of the clock and of changes have topics of ours, that nobody sends to. */
export function feedOf(queue: Queue): string {
  if (queue.topic.startsWith('$')) return `fed by ${kindName(queue.kind).toLowerCase()}`
  return queue.topic || 'messages by name'
}

type Props = { queue: Queue; tab: string; onTab: (tab: string) => void }

/** One queue: its numbers, its dead letters, what is due later, and a form that sends to it. */
export function QueueView({ queue, tab, onTab }: Props) {
  return (
    <div className="flex h-full flex-col">
      <StepHead step={queue.step} badge={queue.paused && <PausedBadge />} tools={<Pausing queue={queue} />}>
        <p className="truncate font-mono text-2xs text-muted">{feedOf(queue)}</p>
        <dl className="mt-3 flex flex-wrap gap-px overflow-hidden rounded-lg border border-line bg-line">
          <Figure name="Ready" value={queue.ready} />
          <Figure name="Running" value={queue.claimed} />
          <Figure name="Scheduled" value={queue.scheduled} />
          <Figure
            name="Held back"
            value={queue.blocked + queue.limited}
            title={`${count(queue.blocked)} behind the head of their group, ${count(queue.limited)} by a concurrency or a rate`}
          />
          <Figure name="Dead" value={queue.dead} bad />
        </dl>
      </StepHead>
      <div className="min-h-0 flex-1">
        <Tabs
          label="Of this queue"
          value={tab}
          onChange={onTab}
          tabs={[
            {
              id: 'dead',
              title: <>Dead letters {queue.dead > 0 && <Count value={count(queue.dead)} tone="bad" />}</>,
              body: <DeadLetters queue={queue} />,
            },
            {
              id: 'scheduled',
              title: <>Scheduled {queue.scheduled > 0 && <Count value={count(queue.scheduled)} />}</>,
              body: <ScheduledList queue={queue} />,
            },
            {
              id: 'send',
              title: 'Send',
              body: <Sending queue={queue} />,
            },
          ]}
        />
      </div>
    </div>
  )
}

type FigureProps = { name: string; value: number; bad?: boolean; title?: string }

function Figure({ name, value, bad = false, title }: FigureProps) {
  return (
    <div className="flex-1 basis-20 bg-panel px-3 py-2" title={title}>
      <dt className="label whitespace-nowrap">{name}</dt>
      <dd
        className={`num text-lg font-medium ${bad && value > 0 ? 'text-bad' : value === 0 ? 'text-faint' : ''}`}
      >
        {count(value)}
      </dd>
    </div>
  )
}

function Sending({ queue }: { queue: Queue }) {
  if (queue.kind === 'cron') {
    return (
      <Empty title="The clock fills this queue">
        <Link href={to.cron(queue.step)} className="text-live underline">
          Run it now from Cron
        </Link>
      </Empty>
    )
  }
  if (queue.topic.startsWith('$') || queue.topic === '') return <ByName queue={queue} />
  return <TopicForm topic={queue.topic} />
}

function ByName({ queue }: { queue: Queue }) {
  const detail = useQuery({ ...read.step(queue.step), enabled: queue.defined })
  if (!queue.defined) return <Empty title="No step of this name">Its messages wait until it is back.</Empty>
  if (detail.data === undefined) return <Loading />
  const message = detail.data.input_schemas.find(({ where }) => where === 'message')
  return (
    <SendForm
      label="Message"
      schema={message?.schema ?? null}
      example={message?.example ?? null}
      send_url={api.trigger(queue.step)}
      call_url={api.call(queue.step)}
    />
  )
}

const SHOWN = 200

function ScheduledList({ queue }: { queue: Queue }) {
  const list = useQuery(read.scheduled({ topic: queue.topic, step: queue.step, limit: SHOWN }))
  if (list.error) {
    return (
      <div className="p-4">
        <ProblemNote error={list.error} retry={() => void list.refetch()} />
      </div>
    )
  }
  if (list.data === undefined) return <Loading />
  if (list.data.length === 0) {
    return <Empty title="Nothing is due later">Delayed messages and retries wait here for their time.</Empty>
  }
  return (
    <ul>
      {list.data.map(message => (
        <li key={message.id}>
          <Link
            href={to.trace(message.trace_id)}
            className="flex h-8 items-center gap-3 border-b border-line/60 px-4 text-xs hover:bg-hover"
          >
            <code className="min-w-0 flex-1 truncate font-mono text-2xs text-muted">{message.id}</code>
            {message.failures > 0 && <span className="num text-bad">{message.failures} failed</span>}
            <Ago at_ms={message.due_at_ms} className="w-20 text-right" />
          </Link>
        </li>
      ))}
      {queue.scheduled > list.data.length && (
        <li className="px-4 py-2 text-xs text-muted">
          The {count(list.data.length)} that are due first, of {count(queue.scheduled)}.
        </li>
      )}
    </ul>
  )
}
