import { useQuery } from '@tanstack/react-query'
import { Trash2, X } from 'lucide-react'
import { useEffect, useState } from 'react'
import { ApiError } from '@/api/client'
import * as read from '@/api/queries'
import type { StateItem } from '@/api/types'
import { bytes } from '@/format'
import { payloadOf, textOf } from '@/forms/payload'
import { useReadOnly } from '@/shell/session'
import { Button, IconButton } from '@/ui/button'
import { Confirm } from '@/ui/dialog'
import { Editor } from '@/ui/editor'
import { Loading } from '@/ui/empty'
import { TextInput } from '@/ui/field'
import { ProblemNote, ProblemPage } from '@/ui/problem'
import { Ago } from '@/ui/time'
import { useToast } from '@/ui/toast'
import { api } from '@/urls'

type Props = {
  scope: string
  /** Key; undefined for a value that is made now. */
  item: string | undefined
  onClose: () => void
  onSaved: (scope: string, key: string) => void
}

/** One value, to be read, edited and deleted. Saving checks that nobody was faster. */
export function ItemPanel({ scope, item, onClose, onSaved }: Props) {
  const found = useQuery({ ...read.state(scope, item ?? ''), enabled: item !== undefined })
  if (item === undefined) return <Form scope={scope} found={undefined} onClose={onClose} onSaved={onSaved} />
  if (found.error instanceof ApiError && found.error.status === 404) {
    return <ProblemPage error={new Error('This key does not exist any more.')} />
  }
  if (found.error) return <ProblemPage error={found.error} retry={() => void found.refetch()} />
  if (found.data === undefined) return <Loading />
  return <Form scope={scope} found={found.data} onClose={onClose} onSaved={onSaved} />
}

type FormProps = {
  scope: string
  found: StateItem | undefined
  onClose: () => void
  onSaved: (scope: string, key: string) => void
}

function Form({ scope: given, found, onClose, onSaved }: FormProps) {
  const [base, setBase] = useState(found)
  const [payload, setPayload] = useState(() => payloadOf(textOf(found?.value ?? {})))
  const [scope, setScope] = useState(given)
  const [key, setKey] = useState('')
  const [asking, setAsking] = useState(false)
  const save = read.useSend<StateItem>('states')
  const remove = read.useSend('states')
  const read_only = useReadOnly()
  const tell = useToast()
  const dirty = payload.text !== textOf(base?.value ?? {})
  const behind = found !== undefined && base !== undefined && found.version !== base.version
  useEffect(() => {
    // Follow the value while nothing is typed; else keep the text and say so.
    if (found === undefined || dirty) return
    setBase(found)
    setPayload(payloadOf(textOf(found.value)))
    // Only when the value changes: a keystroke must not take it back.
  }, [found])
  const store = (forced: boolean) =>
    save.mutate(
      {
        url: api.state(found?.scope ?? scope, found?.key ?? key),
        method: 'PUT',
        body: {
          value: payload.value ?? null,
          ...(base === undefined || forced ? {} : { if_version: base.version }),
        },
      },
      {
        onSuccess: saved => {
          setBase(saved)
          setPayload(payloadOf(textOf(saved.value)))
          tell('Saved.')
          onSaved(saved.scope, saved.key)
        },
      },
    )
  const erase = () =>
    remove.mutate(
      { url: api.state(given, base?.key ?? ''), method: 'DELETE' },
      {
        onSuccess: () => {
          tell(`${base?.key} deleted.`)
          onClose()
        },
        onError: error => tell(error.message, 'bad'),
      },
    )
  const conflict = save.error instanceof ApiError && save.error.status === 409
  return (
    <aside aria-label={base?.key ?? 'New value'} className="flex h-full flex-col">
      <header className="flex shrink-0 items-center gap-1 border-b border-line py-2 pr-2 pl-4">
        {base === undefined ? (
          <div className="flex min-w-0 flex-1 gap-1.5">
            <TextInput
              aria-label="Scope"
              placeholder="scope"
              value={scope}
              onChange={event => setScope(event.target.value)}
              className="w-32 font-mono"
            />
            <TextInput
              aria-label="Key"
              placeholder="key"
              autoFocus
              value={key}
              onChange={event => setKey(event.target.value)}
              className="flex-1 font-mono"
            />
          </div>
        ) : (
          <div className="min-w-0 flex-1">
            <h2 className="truncate font-mono text-sm font-semibold">{base.key}</h2>
            <p className="num text-2xs text-muted">
              {base.scope} · version {base.version} · {base.type} · {bytes(base.bytes)}
              {base.expires_at_ms !== null && (
                <>
                  {' '}
                  · expires <Ago at_ms={base.expires_at_ms} />
                </>
              )}
            </p>
          </div>
        )}
        {base !== undefined && !read_only && (
          <IconButton label="Delete" onClick={() => setAsking(true)}>
            <Trash2 />
          </IconButton>
        )}
        <IconButton label="Close" onClick={onClose}>
          <X />
        </IconButton>
      </header>
      {behind && dirty && (
        <p role="status" className="flex items-center gap-2 bg-warn-soft px-4 py-1.5 text-xs">
          It was changed meanwhile (version {found.version}).
          <button
            type="button"
            className="font-medium underline"
            onClick={() => {
              setBase(found)
              setPayload(payloadOf(textOf(found.value)))
            }}
          >
            Take that
          </button>
        </p>
      )}
      <div className="min-h-0 flex-1">
        <Editor
          label="Value as JSON"
          language="json"
          value={payload.text}
          {...(read_only ? {} : { onChange: (text: string) => setPayload(payloadOf(text)) })}
          onSubmit={() => store(false)}
        />
      </div>
      <footer className="flex shrink-0 flex-col gap-2 border-t border-line p-3">
        {payload.wrong && (
          <p role="alert" className="text-xs text-bad">
            Not JSON: {payload.wrong}
          </p>
        )}
        {save.error && <ProblemNote error={save.error} />}
        <div className="flex justify-end gap-2">
          {conflict && <Button onClick={() => store(true)}>Overwrite</Button>}
          {dirty && base !== undefined && (
            <Button onClick={() => setPayload(payloadOf(textOf(base.value)))}>Undo</Button>
          )}
          {!read_only && (
            <Button
              look="primary"
              disabled={
                payload.wrong !== null ||
                save.isPending ||
                (base === undefined ? key.trim() === '' || scope.trim() === '' : !dirty)
              }
              onClick={() => store(false)}
            >
              Save
            </Button>
          )}
        </div>
      </footer>
      {asking && (
        <Confirm
          title={`Delete ${base?.key}`}
          action="Delete"
          busy={remove.isPending}
          onConfirm={erase}
          onClose={() => setAsking(false)}
        >
          The value is gone for every step at once. State triggers on it run.
        </Confirm>
      )}
    </aside>
  )
}
