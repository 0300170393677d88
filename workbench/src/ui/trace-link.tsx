import { Link } from 'wouter'
import { to } from '@/urls'

/** What was done, and the way to the trace that it made. */
export function WithTrace({ text, trace_id }: { text: string; trace_id: string }) {
  return (
    <span>
      {text}{' '}
      <Link href={to.trace(trace_id)} className="font-medium text-live underline">
        Open the trace
      </Link>
    </span>
  )
}
