import { Pause, Play } from 'lucide-react'
import * as read from '@/api/queries'
import type { Queue } from '@/api/types'
import { useReadOnly } from '@/shell/session'
import { Button } from '@/ui/button'
import { useToast } from '@/ui/toast'
import { api } from '@/urls'

export function PausedBadge() {
  return (
    <span className="inline-flex h-5 shrink-0 items-center gap-1 rounded-full bg-warn-soft px-2 text-2xs font-medium text-warn">
      <Pause className="size-3" aria-hidden />
      Paused
    </span>
  )
}

/** Lets nothing more be taken from a queue, or lets it go on. */
export function Pausing({ queue }: { queue: Queue }) {
  const read_only = useReadOnly()
  const tell = useToast()
  const send = read.useSend<{ resumed: number } | null>('queues')
  if (read_only) return null
  const { topic, step, paused } = queue
  const turn = () =>
    send.mutate(
      { url: paused ? api.resume : api.pause, body: { topic, step } },
      {
        onSuccess: answer => {
          if (!paused) tell('Paused. What runs ends; nothing more is taken.')
          else if (answer?.resumed === 0) tell('Paused together with others: use motia queue resume.', 'bad')
          else tell('It goes on.')
        },
        onError: error => tell(error.message, 'bad'),
      },
    )
  return (
    <Button
      icon={paused ? <Play className="size-3" /> : <Pause className="size-3" />}
      disabled={send.isPending}
      onClick={turn}
    >
      {paused ? 'Resume' : 'Pause'}
    </Button>
  )
}
