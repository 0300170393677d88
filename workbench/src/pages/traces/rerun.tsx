import { useState } from 'react'
import type { Json } from '@/api/types'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { Editor } from '@/ui/editor'
import { ProblemNote } from '@/ui/problem'

type Props = {
  step: string
  input: Json
  busy: boolean
  error: Error | null
  onRun: (data: Json) => void
  onClose: () => void
}

/** The recorded input, to be changed and run again. */
export function RerunDialog({ step, input, busy, error, onRun, onClose }: Props) {
  const [text, setText] = useState(() => JSON.stringify(input, null, 2))
  const [wrong, setWrong] = useState<string | null>(null)
  const run = () => {
    try {
      onRun(JSON.parse(text) as Json)
      setWrong(null)
    } catch (problem) {
      setWrong((problem as Error).message)
    }
  }
  return (
    <Dialog title={`Run ${step} with another input`} onClose={onClose} className="w-180">
      <div className="h-90 overflow-hidden rounded-lg border border-line bg-sunken">
        <Editor label="Input as JSON" language="json" value={text} onChange={setText} onSubmit={run} />
      </div>
      {wrong && (
        <p role="alert" className="mt-2 text-xs text-bad">
          Not JSON: {wrong}
        </p>
      )}
      {error && (
        <div className="mt-3">
          <ProblemNote error={error} />
        </div>
      )}
      <div className="mt-4 flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button look="primary" disabled={busy} onClick={run}>
          Run
        </Button>
      </div>
    </Dialog>
  )
}
