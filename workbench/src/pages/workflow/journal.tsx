import { ChevronDown, ChevronRight } from 'lucide-react'
import { useState } from 'react'
import type { Json, RunDetail, RunEntry } from '@/api/types'
import { duration, plural, stamp } from '@/format'
import { RetryRun } from '@/pages/workflow/actions'
import { EntryIcon } from '@/pages/workflow/status'
import { useReadOnly } from '@/shell/session'
import { JsonTree } from '@/ui/json'
import { Section } from '@/ui/section'

/** What a run did, in order; each entry opens to its result or error. */
export function Journal({ run }: { run: RunDetail }) {
  const [open, setOpen] = useState<string | null>(null)
  return (
    <Section title={run.journal.length === 0 ? 'Steps' : plural(run.journal.length, 'step')}>
      {run.journal.length === 0 ? (
        <p className="text-xs text-muted">It has not come to its first step.</p>
      ) : (
        <ol className="-mx-4">
          {run.journal.map(entry => (
            <Entry
              key={entry.name}
              entry={entry}
              run={run}
              after_us={(entry.at_ms - run.started_at_ms) * 1_000}
              open={open === entry.name}
              onToggle={() => setOpen(open === entry.name ? null : entry.name)}
            />
          ))}
        </ol>
      )}
    </Section>
  )
}

type EntryProps = { run: RunDetail; entry: RunEntry; after_us: number; open: boolean; onToggle: () => void }

function Entry({ run, entry, after_us, open, onToggle }: EntryProps) {
  const failed = entry.error !== null
  const shown = failed ? entry.error : entry.value
  const read_only = useReadOnly()
  const Fold = open ? ChevronDown : ChevronRight
  return (
    <li className="border-t border-line/60 first:border-t-0">
      <button
        type="button"
        aria-expanded={open}
        onClick={onToggle}
        className="flex h-8 w-full items-center gap-2 px-4 text-left text-xs hover:bg-hover"
      >
        <Fold className="size-3 shrink-0 text-faint" aria-hidden />
        <EntryIcon entry={entry} />
        <span className="shrink-0 text-sm font-medium">{entry.name}</span>
        {entry.attempts > 1 && (
          <span className="num shrink-0 rounded bg-hover px-1 text-2xs text-muted">
            {plural(entry.attempts, 'attempt')}
          </span>
        )}
        <code className={`min-w-0 flex-1 truncate font-mono text-2xs ${failed ? 'text-bad' : 'text-faint'}`}>
          {shown === null ? '' : JSON.stringify(shown)}
        </code>
        <time className="num shrink-0 text-muted" title={stamp(entry.at_ms)}>
          +{duration(Math.max(0, after_us))}
        </time>
      </button>
      {open && (
        <div className="@container px-4 pt-1 pb-3 pl-9">
          <div className="flex flex-col gap-3 @xl:flex-row @xl:*:flex-1">
            {entry.input !== null && <Value title="Input" value={entry.input} />}
            <Value title={failed ? 'Error' : 'Result'} value={shown} />
          </div>
          {(run.ended_at_ms !== null || run.held) && !read_only && entry.kind !== 'undo' && (
            <div className="mt-2.5">
              <RetryRun run={run} from={entry.name} />
            </div>
          )}
        </div>
      )}
    </li>
  )
}

function Value({ title, value }: { title: string; value: Json }) {
  return (
    <div className="min-w-0">
      <h4 className="label mb-1">{title}</h4>
      <JsonTree value={value} label={title} />
    </div>
  )
}
