import { useMutation, useQuery } from '@tanstack/react-query'
import { Send } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { Link } from 'wouter'
import { tryRoute } from '@/api/client'
import * as read from '@/api/queries'
import type { Endpoint } from '@/api/types'
import { PayloadInput, payloadOf } from '@/forms/payload'
import { Answer } from '@/pages/endpoints/answer'
import { Pairs } from '@/pages/endpoints/pairs'
import {
  addressOf,
  curlOf,
  draftOf,
  headersOf,
  missing,
  takesBody,
  type Draft,
} from '@/pages/endpoints/request'
import { COMMAND } from '@/shell/keys'
import { Button } from '@/ui/button'
import { CopyButton } from '@/ui/copy'
import { Empty } from '@/ui/empty'
import { TextInput } from '@/ui/field'
import { JsonTree } from '@/ui/json'
import { Method, RoutePath } from '@/ui/kind'
import { ProblemNote } from '@/ui/problem'
import { Section } from '@/ui/section'
import { Split } from '@/ui/split'
import { Tabs } from '@/ui/tabs'
import { to } from '@/urls'

const keyOf = (endpoint: Endpoint): string => `draft.${endpoint.id}`

/** What was typed for this endpoint in this tab, or a fresh draft. */
function draftAgain(endpoint: Endpoint): Draft {
  const kept = sessionStorage.getItem(keyOf(endpoint))
  return kept === null ? draftOf(endpoint) : { ...draftOf(endpoint), ...(JSON.parse(kept) as Draft) }
}

/** A request to one endpoint: written, sent, and its answer. */
export function TryEndpoint({
  endpoint,
  tab,
  onTab,
}: {
  endpoint: Endpoint
  tab: string
  onTab: (tab: string) => void
}) {
  const [draft, setDraft] = useState(() => draftAgain(endpoint))
  const base = useQuery(read.project).data?.api_url ?? ''
  const abort = useRef(new AbortController())
  const body = takesBody(endpoint)
  const send = useMutation({
    mutationFn: () => {
      abort.current.abort()
      abort.current = new AbortController()
      return tryRoute(
        endpoint.method,
        addressOf(endpoint, draft),
        headersOf(draft),
        body && draft.body !== '' ? draft.body : undefined,
        abort.current.signal,
      )
    },
  })
  useEffect(() => () => abort.current.abort(), [])
  useEffect(() => sessionStorage.setItem(keyOf(endpoint), JSON.stringify(draft)), [endpoint, draft])
  const payload = payloadOf(draft.body)
  const absent = missing(endpoint, draft)
  const fire = () => {
    if (absent.length === 0 && !send.isPending) send.mutate()
  }
  return (
    <div className="flex h-full flex-col">
      <header className="shrink-0 px-4 pt-3 pb-2">
        <div className="flex items-center gap-3">
          <h2 className="flex min-w-0 flex-1 items-baseline gap-2">
            <Method method={endpoint.method} className="text-sm!" />
            <RoutePath path={endpoint.path} className="truncate text-sm! font-medium" />
          </h2>
          <CopyButton text={() => curlOf(endpoint, draft, base)} label="Copy as curl" />
          <Button
            look="primary"
            icon={<Send className="size-3" />}
            disabled={absent.length > 0 || send.isPending}
            title={absent.length > 0 ? `Needs ${absent.join(', ')}` : `${COMMAND}Enter`}
            onClick={fire}
          >
            {send.isPending ? 'Sending…' : 'Send'}
          </Button>
        </div>
        <p className="mt-1 truncate text-xs text-muted">
          <Link href={to.flow(endpoint.flows[0] ?? '*', `step:${endpoint.step}`)} className="hover:text-live">
            {endpoint.step}
          </Link>
          {endpoint.description && ` · ${endpoint.description}`}
        </p>
      </header>
      <div className="min-h-0 flex-1">
        <Split name="try" label="Width of the response" kept="end" initial_px={480} min_px={280}>
          <form
            className="h-full"
            onSubmit={event => {
              event.preventDefault()
              fire()
            }}
          >
            <Tabs
              label="Of the request"
              value={tab}
              onChange={onTab}
              tabs={[
                {
                  id: 'request',
                  title: 'Request',
                  body: (
                    <div className="divide-y divide-line">
                      {endpoint.path_params.length > 0 && (
                        <Section title="Path">
                          <div className="flex flex-col gap-1.5">
                            {endpoint.path_params.map(name => (
                              <label key={name} className="flex items-center gap-1.5">
                                <span className="w-44 truncate px-2 font-mono text-xs text-live">{name}</span>
                                <TextInput
                                  value={draft.params[name] ?? ''}
                                  required
                                  placeholder="required"
                                  className="flex-1 font-mono"
                                  onChange={event =>
                                    setDraft({
                                      ...draft,
                                      params: { ...draft.params, [name]: event.target.value },
                                    })
                                  }
                                />
                              </label>
                            ))}
                          </div>
                        </Section>
                      )}
                      {body && (
                        <section aria-label="Body" className="px-4 py-3">
                          <PayloadInput
                            label="Body"
                            title={<h3 className="text-xs font-semibold">Body</h3>}
                            schema={endpoint.body_schema}
                            payload={payload}
                            onChange={({ text }) => setDraft({ ...draft, body: text })}
                            onSubmit={fire}
                          />
                        </section>
                      )}
                      <Section title="Query">
                        <Pairs
                          label="parameter"
                          pairs={draft.query}
                          hints={Object.fromEntries(
                            endpoint.query.map(known => [known.name, known.description]),
                          )}
                          onChange={query => setDraft({ ...draft, query })}
                        />
                      </Section>
                      <Section title="Headers">
                        <Pairs
                          label="header"
                          pairs={draft.headers}
                          onChange={headers => setDraft({ ...draft, headers })}
                        />
                      </Section>
                    </div>
                  ),
                },
                { id: 'schema', title: 'Schema', body: <Schemas endpoint={endpoint} /> },
                {
                  id: 'curl',
                  title: 'curl',
                  body: (
                    <pre className="p-4 font-mono text-xs break-all whitespace-pre-wrap">
                      {curlOf(endpoint, draft, base)}
                    </pre>
                  ),
                },
              ]}
            />
          </form>
          <div className="h-full" aria-live="polite">
            {send.error ? (
              <div className="p-4">
                <ProblemNote error={send.error} retry={fire} />
              </div>
            ) : send.data ? (
              <Answer answer={send.data} />
            ) : (
              <Empty title={send.isPending ? 'Waiting for the answer' : 'No response yet'}>
                Send the request; what it did is a trace.
              </Empty>
            )}
          </div>
        </Split>
      </div>
    </div>
  )
}

function Schemas({ endpoint }: { endpoint: Endpoint }) {
  const shown = [
    ['Path', endpoint.params_schema],
    ['Query', endpoint.query_schema],
    ['Body', endpoint.body_schema],
    ...endpoint.responses.map(({ status, schema }) => [`Response ${status}`, schema] as const),
    ['Access', endpoint.auth],
  ] as const
  const known = shown.filter(([, schema]) => schema !== null)
  if (known.length === 0) return <Empty title="No schema">Type hints of the handler become one.</Empty>
  return (
    <div className="divide-y divide-line">
      {known.map(([title, schema]) => (
        <Section key={title} title={title}>
          <JsonTree value={schema} label={`Schema: ${title}`} />
        </Section>
      ))}
    </div>
  )
}
