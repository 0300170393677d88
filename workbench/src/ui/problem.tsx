import { TriangleAlert } from 'lucide-react'
import { Component, type ReactNode } from 'react'
import { ApiError } from '@/api/client'
import { Button } from '@/ui/button'

/** What failed, in the server's words, and what to do. */
export function ProblemNote({ error, retry }: { error: Error; retry?: (() => void) | undefined }) {
  const api = error instanceof ApiError ? error : undefined
  return (
    <div role="alert" className="flex items-start gap-2.5 rounded-lg bg-bad-soft p-3 text-xs">
      <TriangleAlert className="mt-0.5 size-3.5 shrink-0 text-bad" aria-hidden />
      <div className="min-w-0 flex-1">
        <p className="font-medium break-words text-ink">{error.message}</p>
        {api?.hint && <p className="mt-0.5 break-words text-muted">{api.hint}</p>}
        {api && <p className="mt-1 font-mono text-2xs text-muted">{api.code}</p>}
      </div>
      {retry && <Button onClick={retry}>Try again</Button>}
    </div>
  )
}

export function ProblemPage({ error, retry }: { error: Error; retry?: () => void }) {
  return (
    <div className="flex h-full items-center justify-center p-8">
      <div className="w-full max-w-lg">
        <ProblemNote error={error} retry={retry} />
      </div>
    </div>
  )
}

type Caught = { error: Error | null }

/** A page that breaks leaves the rest of the console standing. */
export class PageBoundary extends Component<{ children: ReactNode }, Caught> {
  override state: Caught = { error: null }

  static getDerivedStateFromError(error: unknown): Caught {
    return { error: error instanceof Error ? error : new Error(String(error)) }
  }

  override render(): ReactNode {
    const { error } = this.state
    if (error === null) return this.props.children
    return <ProblemPage error={error} retry={() => this.setState({ error: null })} />
  }
}
