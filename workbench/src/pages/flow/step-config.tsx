import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import * as read from '@/api/queries'
import type { Policy, Step, Trigger } from '@/api/types'
import { duration } from '@/format'
import { kindName, Method, RoutePath } from '@/ui/kind'
import { Facts, Section } from '@/ui/section'
import { to } from '@/urls'

/** When a step runs, and by which rules; what it sends. */
export function StepConfig({ step }: { step: Step }) {
  const timeout_s = useQuery(read.project).data?.handler_timeout_s
  return (
    <div className="divide-y divide-line">
      {step.description && <p className="px-4 py-3 text-sm leading-relaxed text-muted">{step.description}</p>}
      {step.triggers.map((trigger, index) => (
        <Section key={index} title={kindName(trigger.kind)}>
          <Facts
            facts={[
              ...triggerFacts(trigger),
              ...('policy' in trigger ? policyFacts(trigger.policy, timeout_s) : []),
            ]}
          />
        </Section>
      ))}
      {step.emits.length > 0 && (
        <Section title="Emits">
          <ul className="flex flex-col gap-1 font-mono text-xs">
            {step.emits.map(({ topic, label, conditional }) => (
              <li key={topic + label}>
                {topic}
                <span className="ml-2 font-sans text-muted">
                  {label}
                  {conditional && ' (sometimes)'}
                </span>
              </li>
            ))}
          </ul>
        </Section>
      )}
      <Section title="Step">
        <Facts
          facts={[
            ['Flows', step.flows.join(', ') || 'none'],
            ['Language', step.language],
            ['Written as', step.dialect],
          ]}
        />
      </Section>
    </div>
  )
}

function triggerFacts(trigger: Trigger): [string, React.ReactNode][] {
  const code = (text: string) => <code className="font-mono">{text}</code>
  switch (trigger.kind) {
    case 'http':
      return [
        [
          'Route',
          <Link
            href={to.endpoints(`${trigger.method} ${trigger.path}`)}
            className="inline-flex gap-1.5 hover:underline"
          >
            <Method method={trigger.method} />
            <RoutePath path={trigger.path} />
          </Link>,
        ],
        ['Access', trigger.auth && 'checked by auth='],
        ['Middleware', trigger.middleware > 0 && String(trigger.middleware)],
        ['Condition', trigger.condition && 'yes'],
      ]
    case 'queue':
      return [
        ['Topic', trigger.topic ? code(trigger.topic) : 'sent to by name'],
        ['Condition', trigger.condition && 'yes'],
      ]
    case 'cron':
      return [
        ['Schedule', code(trigger.expression)],
        ['Time zone', trigger.timezone],
        ['Missed ticks', trigger.missed],
        ['Overlap', trigger.overlap],
      ]
    case 'state':
      return [
        ['Scope', code(trigger.scope ?? '*')],
        ['Key', code(trigger.key ?? '*')],
        ['Condition', trigger.condition && 'yes'],
      ]
    case 'stream':
      return [
        ['Stream', code(trigger.stream)],
        ['Group', code(trigger.group_id ?? '*')],
        ['Item', code(trigger.item_id ?? '*')],
      ]
    case 'at':
      return [['At', new Date(trigger.at_ms).toISOString()]]
  }
}

const seconds = (value_s: number): string => duration(value_s * 1_000_000)

function policyFacts(policy: Policy, usual_s: number | undefined): [string, React.ReactNode][] {
  return [
    ['Attempts', String(policy.max_attempts)],
    ['Retry after', `${seconds(policy.first_delay_s)}, doubling to ${seconds(policy.max_delay_s)}`],
    ['Timeout', (policy.timeout_s ?? usual_s) !== undefined && seconds(policy.timeout_s ?? usual_s ?? 0)],
    ['Concurrency', policy.concurrency === null ? 'not limited' : String(policy.concurrency)],
    ['Delay', policy.delay_s > 0 && seconds(policy.delay_s)],
    ['Order', policy.fifo && `FIFO${policy.group_by ? ` by ${policy.group_by}` : ''}`],
  ]
}
