import { Send } from 'lucide-react'
import { useState } from 'react'
import * as read from '@/api/queries'
import type { Approval } from '@/api/types'
import { PayloadInput, payloadOf, textOf } from '@/forms/payload'
import { useReadOnly } from '@/shell/session'
import { Button } from '@/ui/button'
import { CopyButton } from '@/ui/copy'
import { ProblemNote } from '@/ui/problem'
import { useToast } from '@/ui/toast'

/** What a person is asked, as a form of its schema; the answer goes the way that its signed link goes. */
export function ApprovalForm({ approval }: { approval: Approval }) {
  const [payload, setPayload] = useState(() => payloadOf(textOf({})))
  const answer = read.useSend<{ status: string }>('runs')
  const read_only = useReadOnly()
  const tell = useToast()
  const off = answer.isPending || payload.wrong !== null || read_only
  const send = () => {
    if (off) return
    answer.mutate(
      { url: approval.path, body: payload.value ?? {} },
      { onSuccess: () => tell('Answered; the run goes on.') },
    )
  }
  return (
    <div className="flex flex-col gap-3">
      {approval.message && <p className="text-sm whitespace-pre-wrap text-ink">{approval.message}</p>}
      <PayloadInput
        label={approval.title}
        schema={approval.schema}
        payload={payload}
        onChange={setPayload}
        onSubmit={send}
      />
      {answer.error && <ProblemNote error={answer.error} />}
      <div className="flex items-center gap-2">
        <Button look="primary" icon={<Send className="size-3" />} disabled={off} onClick={send}>
          Answer
        </Button>
        <span className="flex items-center text-2xs text-muted">
          Link for somebody else
          <CopyButton text={approval.url} label="Copy the signed link" />
        </span>
      </div>
    </div>
  )
}
