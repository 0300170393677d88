import { Trash2, X } from 'lucide-react'
import { useState } from 'react'
import * as read from '@/api/queries'
import type { StreamItem } from '@/api/types'
import { payloadOf, textOf } from '@/forms/payload'
import { useReadOnly } from '@/shell/session'
import { Button, IconButton } from '@/ui/button'
import { Confirm } from '@/ui/dialog'
import { Editor } from '@/ui/editor'
import { ProblemNote } from '@/ui/problem'
import { useToast } from '@/ui/toast'
import { api } from '@/urls'

type Props = { stream: string; group: string; item: StreamItem; onClose: () => void }

/** One item of a stream: read, edited, deleted; its subscribers are told. */
export function Item({ stream, group, item, onClose }: Props) {
  const [draft, setDraft] = useState<string | null>(null)
  const [asking, setAsking] = useState(false)
  const save = read.useSend('streams')
  const remove = read.useSend('streams')
  const read_only = useReadOnly()
  const tell = useToast()
  const payload = payloadOf(draft ?? textOf(item.data))
  const url = api.streamItem(stream, group, item.id)
  const store = () =>
    save.mutate(
      { url, method: 'PUT', body: { data: payload.value ?? null } },
      {
        onSuccess: () => {
          setDraft(null)
          tell('Saved, and sent to every subscriber.')
        },
      },
    )
  return (
    <aside aria-label={item.id} className="flex h-full flex-col">
      <header className="flex shrink-0 items-center gap-1 border-b border-line py-2 pr-2 pl-4">
        <div className="min-w-0 flex-1">
          <h2 className="truncate font-mono text-sm font-semibold">{item.id}</h2>
          <p className="num text-2xs text-muted">
            {group} · version {item.version}
          </p>
        </div>
        {!read_only && (
          <IconButton label="Delete" onClick={() => setAsking(true)}>
            <Trash2 />
          </IconButton>
        )}
        <IconButton label="Close" onClick={onClose}>
          <X />
        </IconButton>
      </header>
      <div className="min-h-0 flex-1">
        <Editor
          label="Item as JSON"
          language="json"
          value={payload.text}
          {...(read_only ? {} : { onChange: setDraft })}
          onSubmit={store}
        />
      </div>
      {!read_only && (
        <footer className="flex shrink-0 flex-col gap-2 border-t border-line p-3">
          {payload.wrong && (
            <p role="alert" className="text-xs text-bad">
              Not JSON: {payload.wrong}
            </p>
          )}
          {save.error && <ProblemNote error={save.error} />}
          <div className="flex justify-end gap-2">
            {draft !== null && <Button onClick={() => setDraft(null)}>Undo</Button>}
            <Button
              look="primary"
              disabled={payload.wrong !== null || save.isPending || payload.text === textOf(item.data)}
              onClick={store}
            >
              Save
            </Button>
          </div>
        </footer>
      )}
      {asking && (
        <Confirm
          title={`Delete ${item.id}`}
          action="Delete"
          busy={remove.isPending}
          onClose={() => setAsking(false)}
          onConfirm={() =>
            remove.mutate(
              { url, method: 'DELETE' },
              { onSuccess: onClose, onError: error => tell(error.message, 'bad') },
            )
          }
        >
          Every subscriber is told at once.
        </Confirm>
      )}
    </aside>
  )
}
