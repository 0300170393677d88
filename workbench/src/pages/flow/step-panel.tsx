import { useQuery } from '@tanstack/react-query'
import { X } from 'lucide-react'
import { Link } from 'wouter'
import * as read from '@/api/queries'
import type { Step, StepDetail } from '@/api/types'
import { SendForm } from '@/forms/send'
import { TopicForm } from '@/forms/topic'
import { StepRuns } from '@/forms/runs'
import { StepConfig } from '@/pages/flow/step-config'
import { IconButton } from '@/ui/button'
import { CopyButton } from '@/ui/copy'
import { Editor } from '@/ui/editor'
import { Empty, Loading } from '@/ui/empty'
import { JsonTree } from '@/ui/json'
import { KindIcon } from '@/ui/kind'
import { ProblemNote } from '@/ui/problem'
import { Section } from '@/ui/section'
import { Tabs } from '@/ui/tabs'
import { api, to } from '@/urls'

type Props = { step: Step; tab: string; onTab: (tab: string) => void; onClose: () => void }

/** All about one step: what it is, its schemas, its source, its runs, and a way to run it. */
export function StepPanel({ step, tab, onTab, onClose }: Props) {
  const detail = useQuery(read.step(step.name))
  const body = (show: (found: StepDetail) => React.ReactNode) =>
    detail.error ? (
      <div className="p-4">
        <ProblemNote error={detail.error} retry={() => void detail.refetch()} />
      </div>
    ) : detail.data === undefined ? (
      <Loading />
    ) : (
      show(detail.data)
    )
  return (
    <aside aria-label={`Step ${step.name}`} className="flex h-full flex-col">
      <header className="flex shrink-0 items-start gap-2 px-4 pt-3 pb-1">
        <KindIcon kind={step.noop ? 'noop' : (step.kinds[0] ?? '')} className="mt-1 size-4" />
        <div className="min-w-0 flex-1">
          <h2 className="truncate text-base font-semibold">{step.name}</h2>
          <p className="flex items-center gap-1 font-mono text-2xs text-muted">
            <span className="truncate">
              {step.path}:{step.line}
            </span>
            <CopyButton text={`${step.path}:${step.line}`} label="Copy the place" />
          </p>
        </div>
        <IconButton label="Close" onClick={onClose}>
          <X />
        </IconButton>
      </header>
      <div className="min-h-0 flex-1">
        <Tabs
          label="Of this step"
          value={tab}
          onChange={onTab}
          tabs={[
            { id: 'config', title: 'Config', body: <StepConfig step={step} /> },
            { id: 'schema', title: 'Schema', body: body(found => <Schemas detail={found} />) },
            { id: 'source', title: 'Source', body: <Source name={step.name} /> },
            { id: 'runs', title: 'Runs', body: <StepRuns step={step.name} /> },
            {
              id: 'run',
              title: step.noop ? 'Fire' : 'Run by hand',
              body: body(found => <Run detail={found} />),
            },
          ]}
        />
      </div>
    </aside>
  )
}

function Schemas({ detail }: { detail: StepDetail }) {
  if (detail.input_schemas.length + detail.response_schemas.length === 0) {
    return (
      <Empty title="No schema">
        Type hints of the handler, or <code className="font-mono">schema</code> in its config, are checked
        before it runs and shown here.
      </Empty>
    )
  }
  return (
    <div className="divide-y divide-line">
      {detail.input_schemas.map(({ trigger, where, schema }) => (
        <Section key={`${trigger} ${where}`} title={`Input: ${where}`}>
          <JsonTree value={schema} label={`Schema of ${where}`} />
        </Section>
      ))}
      {detail.response_schemas.map(({ trigger, status, schema }) => (
        <Section key={`${trigger} ${status}`} title={`Response ${status}`}>
          <JsonTree value={schema} label={`Schema of response ${status}`} />
        </Section>
      ))}
    </div>
  )
}

function Source({ name }: { name: string }) {
  const source = useQuery(read.source(name))
  if (source.error) {
    return (
      <div className="p-4">
        <ProblemNote error={source.error} retry={() => void source.refetch()} />
      </div>
    )
  }
  if (source.data === undefined) return <Loading />
  const { text, language, handler, truncated } = source.data
  return (
    <div className="flex h-full flex-col">
      {truncated && <p className="bg-warn-soft px-4 py-1.5 text-xs">Only the beginning is shown.</p>}
      <div className="min-h-0 flex-1">
        <Editor label={`Source of ${name}`} language={language} value={text} marked={handler} />
      </div>
    </div>
  )
}

function Run({ detail }: { detail: StepDetail }) {
  const http = detail.triggers.find(trigger => trigger.kind === 'http')
  if (detail.noop) {
    return (
      <div className="divide-y divide-line">
        {detail.emits.map(({ topic }) => (
          <Section key={topic} title={`Send to ${topic}`}>
            <TopicForm topic={topic} />
          </Section>
        ))}
        {detail.emits.length === 0 && <Empty title="This noop emits nothing" />}
      </div>
    )
  }
  if (http) {
    return (
      <Empty title="It answers requests">
        <Link href={to.endpoints(`${http.method} ${http.path}`)} className="text-live underline">
          Send one from Endpoints
        </Link>
      </Empty>
    )
  }
  const message = detail.input_schemas.find(({ where }) => where === 'message')
  return (
    <SendForm
      label="Message"
      schema={message?.schema ?? null}
      example={message?.example ?? null}
      send_url={api.trigger(detail.name)}
      call_url={api.call(detail.name)}
    />
  )
}
