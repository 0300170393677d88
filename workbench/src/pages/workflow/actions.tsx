import { Ban, RotateCcw } from 'lucide-react'
import { useState } from 'react'
import * as read from '@/api/queries'
import type { RunDetail } from '@/api/types'
import { Button } from '@/ui/button'
import { Confirm } from '@/ui/dialog'
import { useToast } from '@/ui/toast'
import { api } from '@/urls'

/** Ends the run; what it did is undone, as its handler says how, unless that is declined. */
export function CancelRun({ run }: { run: RunDetail }) {
  const [asking, setAsking] = useState(false)
  const [undo, setUndo] = useState(true)
  const cancel = read.useSend<{ cancelled: number; undone: boolean }>('runs', 'queues')
  const tell = useToast()
  return (
    <>
      <Button look="danger" icon={<Ban className="size-3" />} onClick={() => setAsking(true)}>
        Cancel
      </Button>
      {asking && (
        <Confirm
          title={`Cancel this run of ${run.step}`}
          action="Cancel the run"
          dismiss="Let it run"
          busy={cancel.isPending}
          onClose={() => setAsking(false)}
          onConfirm={() =>
            cancel.mutate(
              { url: api.runCancel(run.id, run.step), body: { undo } },
              {
                onSuccess: ({ undone }) =>
                  tell(undone ? 'Cancelled; what it did is being undone.' : 'Cancelled.'),
                onError: error => tell(error.message, 'bad'),
                onSettled: () => setAsking(false),
              },
            )
          }
        >
          <p>It does not go on. A person or a timer it waits for is told nothing.</p>
          <label className="mt-3 flex items-center gap-2 text-ink">
            <input type="checkbox" checked={undo} onChange={event => setUndo(event.target.checked)} />
            Undo what its steps did, in reverse order
          </label>
        </Confirm>
      )}
    </>
  )
}

/** Begins an ended run again, or a held one with the code that there is: from a step of its journal on, or
 * from where it failed or changed. */
export function RetryRun({ run, from }: { run: RunDetail; from?: string }) {
  const [asking, setAsking] = useState(false)
  const retry = read.useSend<{ anew: string[] }>('runs', 'queues')
  const tell = useToast()
  const at = run.journal.findIndex(entry => entry.name === from)
  const kept =
    from === undefined ? undefined : run.journal.slice(0, at).filter(entry => entry.kind !== 'undo')
  return (
    <>
      <Button icon={<RotateCcw className="size-3" />} onClick={() => setAsking(true)}>
        {from === undefined ? 'Retry' : 'Retry from here'}
      </Button>
      {asking && (
        <Confirm
          title={from === undefined ? `Retry this run of ${run.step}` : `Retry from ${from}`}
          action="Retry"
          safe
          busy={retry.isPending}
          onClose={() => setAsking(false)}
          onConfirm={() =>
            retry.mutate(
              { url: api.runRetry(run.id, run.step), body: from === undefined ? {} : { from } },
              {
                onSuccess: ({ anew }) =>
                  tell(anew.length === 0 ? 'It goes on.' : `It goes on; done again: ${anew.join(', ')}.`),
                onError: error => tell(error.message, 'bad'),
                onSettled: () => setAsking(false),
              },
            )
          }
        >
          {kept === undefined ? (
            <p>
              {run.held
                ? `It goes on with the code that there is, from ${run.held.step} on.`
                : 'It goes on where it failed.'}{' '}
              What was done before keeps its result; what was undone is done again.
            </p>
          ) : kept.length === 0 ? (
            <p>Everything is done again from the first step.</p>
          ) : (
            <p>
              From there on everything is done again. {kept.map(entry => entry.name).join(', ')}{' '}
              {kept.length === 1 ? 'keeps its result' : 'keep their results'}, unless undone.
            </p>
          )}
        </Confirm>
      )}
    </>
  )
}
