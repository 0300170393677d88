import { useMemo, useState } from 'react'
import { Link } from 'wouter'
import type { TryAnswer } from '@/api/client'
import type { Json } from '@/api/types'
import { bytes, duration } from '@/format'
import { CopyButton } from '@/ui/copy'
import { JsonTree } from '@/ui/json'
import { HttpStatus } from '@/ui/status'
import { Tabs } from '@/ui/tabs'
import { to } from '@/urls'

/** What came back: status, time, the trace it made, body and headers. Never shown as HTML. */
export function Answer({ answer }: { answer: TryAnswer }) {
  const [tab, setTab] = useState('body')
  const json = useMemo(() => parsed(answer.body), [answer.body])
  return (
    <section aria-label="Response" className="flex h-full min-h-0 flex-col">
      <header className="flex h-11 shrink-0 items-center gap-3 px-4 text-xs">
        <HttpStatus status={answer.status} />
        <span className="text-muted">{answer.status_text}</span>
        <span className="num text-muted">{duration(answer.duration_ms * 1_000)}</span>
        <span className="num flex-1 text-muted">{bytes(answer.bytes)}</span>
        {answer.trace_id && (
          <Link href={to.trace(answer.trace_id)} className="font-medium text-live hover:underline">
            Open the trace
          </Link>
        )}
        <CopyButton text={answer.body} label="Copy the body" />
      </header>
      <div className="min-h-0 flex-1">
        <Tabs
          label="Of the response"
          value={tab}
          onChange={setTab}
          tabs={[
            {
              id: 'body',
              title: 'Body',
              body: (
                <div className="p-4">
                  {answer.body === '' ? (
                    <p className="text-xs text-muted">The body is empty.</p>
                  ) : json === undefined ? (
                    <pre className="font-mono text-xs break-words whitespace-pre-wrap">{answer.body}</pre>
                  ) : (
                    <JsonTree value={json} label="Body" />
                  )}
                </div>
              ),
            },
            {
              id: 'headers',
              title: `Headers ${answer.headers.length}`,
              body: (
                <dl className="grid grid-cols-[12rem_1fr] gap-y-1 p-4 font-mono text-xs">
                  {answer.headers.map(([name, value]) => (
                    <div key={name} className="contents">
                      <dt className="text-faint">{name}</dt>
                      <dd className="break-all">{value}</dd>
                    </div>
                  ))}
                </dl>
              ),
            },
          ]}
        />
      </div>
    </section>
  )
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json
  } catch {
    return undefined
  }
}
