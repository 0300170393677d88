import { useQuery } from '@tanstack/react-query'
import { Command, defaultFilter } from 'cmdk'
import { CalendarClock, CircleDot, FileSearch, Layers, Puzzle, Workflow, type LucideIcon } from 'lucide-react'
import { useEffect, useRef, useState, type ReactNode } from 'react'
import { useLocation } from 'wouter'
import * as read from '@/api/queries'
import { PAGES } from '@/shell/pages'
import { Loading } from '@/ui/empty'
import { Method, RoutePath } from '@/ui/kind'
import { to } from '@/urls'

const SEARCH = 'search logs'

/**
 * What is called so comes first; a search of the logs is always there, last. Its name stays the same while somebody
 * types: cmdk sorts what has a new one only after it chose the first.
 */
const rank = (value: string, search: string, keywords?: string[]): number =>
  value === SEARCH ? 1e-6 : defaultFilter(value, search, keywords)

const TRACE_ID = /^[0-9a-f]{8,32}$/i

/** Go anywhere by name: pages, flows, steps, endpoints, topics, crons; a trace by its id. */
export default function Palette({ onClose }: { onClose: () => void }) {
  const box = useRef<HTMLDialogElement>(null)
  const [, navigate] = useLocation()
  const [text, setText] = useState('')
  const steps = useQuery(read.steps)
  const flows = useQuery(read.flows)
  const endpoints = useQuery(read.endpoints)
  const topics = useQuery(read.topics)
  const project = useQuery(read.project)
  // What comes after somebody typed would not be chosen: cmdk keeps what it chose from what there was.
  const waiting = [steps, flows, endpoints, topics, project].some(list => list.isPending)
  useEffect(() => {
    const dialog = box.current
    dialog?.showModal()
    // A dialog gives the focus to its first element that takes it, which is not the field.
    dialog?.querySelector('input')?.focus()
    return () => dialog?.close()
  }, [])
  const go = (href: string) => {
    onClose()
    navigate(href)
  }
  return (
    <dialog
      ref={box}
      aria-label="Search and go to"
      onCancel={event => {
        event.preventDefault()
        onClose()
      }}
      onClick={event => {
        if (event.target === box.current) onClose()
      }}
      className="mt-[12vh] w-150 max-w-[92vw] overflow-hidden rounded-xl border border-line-strong bg-raised shadow-pop"
    >
      <Command label="Search and go to" loop filter={rank}>
        <Command.Input
          value={text}
          onValueChange={setText}
          placeholder="A step, endpoint, topic, page or trace id"
          className="h-12 w-full border-b border-line bg-transparent px-4 text-base outline-none!"
        />
        <Command.List className="max-h-[50vh] overflow-y-auto p-2">
          {waiting ? (
            <Loading />
          ) : (
            <>
              <Command.Empty className="p-6 text-center text-xs text-muted">
                Nothing is called that. A trace is found by its id.
              </Command.Empty>
              {TRACE_ID.test(text.trim()) && (
                <Entry
                  icon={FileSearch}
                  value={`trace ${text}`}
                  onPick={() => go(to.trace(text.trim().toLowerCase()))}
                >
                  Open trace <span className="font-mono">{text.trim()}</span>
                </Entry>
              )}
              <Section title="Pages">
                {PAGES.map(page => (
                  <Entry
                    key={page.href}
                    icon={page.icon}
                    value={`page ${page.title}`}
                    onPick={() => go(page.href)}
                  >
                    <span className="flex-1">{page.title}</span>
                    <kbd className="font-mono text-2xs text-faint">g {page.key}</kbd>
                  </Entry>
                ))}
                {(project.data?.plugins ?? []).map(plugin => (
                  <Entry
                    key={plugin.name}
                    icon={Puzzle}
                    value={`plugin ${plugin.label}`}
                    onPick={() => go(to.plugin(plugin.name))}
                  >
                    {plugin.label}
                  </Entry>
                ))}
              </Section>
              <Section title="Steps">
                {(steps.data ?? []).map(step => (
                  <Entry
                    key={step.name}
                    icon={step.kinds.includes('cron') ? CalendarClock : CircleDot}
                    value={`step ${step.name}`}
                    onPick={() => go(to.flow(step.flows[0] ?? '*', `step:${step.name}`))}
                  >
                    <span className="flex-1 truncate">{step.name}</span>
                    <span className="truncate font-mono text-2xs text-faint">{step.path}</span>
                  </Entry>
                ))}
              </Section>
              <Section title="Endpoints">
                {(endpoints.data ?? []).map(endpoint => (
                  <Entry
                    key={endpoint.id}
                    value={`endpoint ${endpoint.method} ${endpoint.path}`}
                    onPick={() => go(to.endpoints(endpoint.id))}
                  >
                    <Method method={endpoint.method} className="w-12" />
                    <RoutePath path={endpoint.path} />
                  </Entry>
                ))}
              </Section>
              <Section title="Flows">
                {(flows.data ?? [])
                  .filter(flow => flow.name !== '*')
                  .map(flow => (
                    <Entry
                      key={flow.name}
                      icon={Workflow}
                      value={`flow ${flow.name}`}
                      onPick={() => go(to.flow(flow.name))}
                    >
                      {flow.name}
                    </Entry>
                  ))}
              </Section>
              <Section title="Topics">
                {(topics.data ?? []).map(topic => (
                  <Entry
                    key={topic.topic}
                    icon={Layers}
                    value={`topic ${topic.topic}`}
                    onPick={() => go(to.queues({ topic: topic.topic }))}
                  >
                    {topic.topic}
                  </Entry>
                ))}
              </Section>
              {text.trim() !== '' && (
                <Section title="Logs">
                  <Entry icon={FileSearch} value={SEARCH} onPick={() => go(to.logs({ text: text.trim() }))}>
                    Lines with “{text.trim()}”
                  </Entry>
                </Section>
              )}
            </>
          )}
        </Command.List>
      </Command>
    </dialog>
  )
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Command.Group
      heading={title}
      className="mb-1 [&>[cmdk-group-heading]]:px-2 [&>[cmdk-group-heading]]:py-1 [&>[cmdk-group-heading]]:text-2xs [&>[cmdk-group-heading]]:font-medium [&>[cmdk-group-heading]]:text-faint"
    >
      {children}
    </Command.Group>
  )
}

type EntryProps = { icon?: LucideIcon; value: string; onPick: () => void; children: ReactNode }

function Entry({ icon: Icon, value, onPick, children }: EntryProps) {
  return (
    <Command.Item
      value={value}
      onSelect={onPick}
      className="flex h-8 cursor-pointer items-center gap-2.5 rounded-md px-2 text-sm data-[selected=true]:bg-pressed"
    >
      {Icon && <Icon className="size-3.5 shrink-0 text-faint" aria-hidden />}
      {children}
    </Command.Item>
  )
}
