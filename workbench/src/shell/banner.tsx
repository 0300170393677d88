import { useQuery, useQueryClient } from '@tanstack/react-query'
import { PlugZap, TriangleAlert } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { useLive, useLiveStatus } from '@/api/live-hooks'
import * as read from '@/api/queries'
import { plural } from '@/format'
import { Dialog } from '@/ui/dialog'
import { useToast } from '@/ui/toast'

const PATIENCE_MS = 1_500

/** Says that the server is away, loads everything again when it is back, and tells of broken steps. */
export function Banner() {
  const client = useQueryClient()
  const tell = useToast()
  const boot = useRef<string>(undefined)
  const broken = useRef(false)
  const away = useAway()
  const status = useLiveStatus()
  useEffect(() => {
    if (status === 'down') broken.current = true
  }, [status])
  useLive('hello', ({ boot_id }) => {
    // A connection that did not break may be answered by another node.
    if (broken.current && boot.current !== undefined && boot.current !== boot_id) {
      tell('motia restarted. Everything shown is up to date again.')
      void client.invalidateQueries()
    }
    broken.current = false
    boot.current = boot_id
  })
  useLive('resync', ({ topics }) => {
    for (const topic of topics) void client.invalidateQueries({ queryKey: [topic] })
  })
  if (away) {
    return (
      <div role="alert" className="flex h-8 shrink-0 items-center gap-2 bg-warn-soft px-4 text-xs text-ink">
        <PlugZap className="size-3.5 text-warn" aria-hidden />
        motia does not answer. What is shown may be old; the page connects again by itself.
      </div>
    )
  }
  return <Problems />
}

/** True once the channel has been down for longer than a reload takes. */
function useAway(): boolean {
  const status = useLiveStatus()
  const [away, setAway] = useState(false)
  useEffect(() => {
    if (status === 'open') return setAway(false)
    const timer = setTimeout(() => setAway(true), PATIENCE_MS)
    return () => clearTimeout(timer)
  }, [status])
  return away
}

function Problems() {
  const { data: project } = useQuery(read.project)
  const [shown, setShown] = useState(false)
  const problems = project?.problems ?? []
  if (problems.length === 0) return null
  return (
    <div role="status" className="flex h-8 shrink-0 items-center gap-2 bg-bad-soft px-4 text-xs text-ink">
      <TriangleAlert className="size-3.5 text-bad" aria-hidden />
      <span className="min-w-0 truncate">
        {plural(problems.length, 'problem')} in your steps: {problems[0]?.message}
      </span>
      <button type="button" className="shrink-0 font-medium underline" onClick={() => setShown(true)}>
        Show
      </button>
      {shown && (
        <Dialog title="Problems in your steps" onClose={() => setShown(false)} className="w-160">
          <ul className="flex flex-col gap-4 text-xs">
            {problems.map((problem, index) => (
              <li key={index}>
                {problem.path && (
                  <p className="font-mono text-2xs text-muted">
                    {problem.path}
                    {problem.line ? `:${problem.line}` : ''}
                  </p>
                )}
                <p className="mt-0.5 font-medium whitespace-pre-wrap">{problem.message}</p>
                {problem.hint && <p className="mt-0.5 text-muted">{problem.hint}</p>}
              </li>
            ))}
          </ul>
        </Dialog>
      )}
    </div>
  )
}
