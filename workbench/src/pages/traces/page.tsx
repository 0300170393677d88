import { X } from 'lucide-react'
import { useLocation, useParams } from 'wouter'
import { TraceView } from '@/pages/traces/detail'
import { Filters, filtersOf, FILTERS } from '@/pages/traces/filters'
import { TraceList } from '@/pages/traces/list'
import { usePlace } from '@/place'
import { useKeys } from '@/shell/keys'
import { Page } from '@/shell/page'
import { IconButton } from '@/ui/button'
import { Split } from '@/ui/split'
import { to } from '@/urls'

export default function TracesPage() {
  const { id } = useParams<{ id?: string }>()
  const [place, change] = usePlace()
  const [, navigate] = useLocation()
  const close = () => navigate(to.traces(filtersOf(place)))
  useKeys({ Escape: close }, id !== undefined)
  const reset = () => change(Object.fromEntries(FILTERS.map(name => [name, undefined])))
  const list = <TraceList place={place} chosen={id} onReset={reset} />
  return (
    <Page
      title="Traces"
      lead={<Filters place={place} onChange={fields => change(fields, { replace: true })} />}
      tools={
        id !== undefined && (
          <IconButton label="Close the trace" onClick={close}>
            <X />
          </IconButton>
        )
      }
    >
      {id === undefined ? (
        list
      ) : (
        <Split
          name="traces"
          label="Width of the list"
          kept="start"
          initial_px={264}
          min_px={220}
          max_px={560}
        >
          {list}
          <TraceView key={id} id={id} place={place} onChange={fields => change(fields, { replace: true })} />
        </Split>
      )}
    </Page>
  )
}
