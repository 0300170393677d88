import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { to } from '@/urls'

type Props = {
  /** The step that it is about; its name leads to the flow. */
  step: string
  badge?: ReactNode
  /** What stands at the right: what can be done. */
  tools?: ReactNode
  children?: ReactNode
}

/** Head of a detail that belongs to a step. */
export function StepHead({ step, badge, tools, children }: Props) {
  return (
    <header className="flex shrink-0 items-start gap-2 border-b border-line px-4 py-3">
      <div className="min-w-0 flex-1">
        <div className="flex items-center gap-2.5">
          <h2 className="truncate text-base font-semibold">
            <Link href={to.flow('*', `step:${step}`)} className="hover:text-live">
              {step}
            </Link>
          </h2>
          {badge}
        </div>
        {children}
      </div>
      {tools}
    </header>
  )
}
