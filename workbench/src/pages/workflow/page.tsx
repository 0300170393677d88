import { X } from 'lucide-react'
import { useQuery } from '@tanstack/react-query'
import { useLocation, useParams } from 'wouter'
import { useRefresh } from '@/api/live-hooks'
import * as read from '@/api/queries'
import type { RunStatus } from '@/api/types'
import { RunView } from '@/pages/workflow/detail'
import { RunList } from '@/pages/workflow/list'
import { RUN_STATUSES } from '@/pages/workflow/status'
import { usePlace } from '@/place'
import { useKeys } from '@/shell/keys'
import { Page } from '@/shell/page'
import { IconButton } from '@/ui/button'
import { Select } from '@/ui/field'
import { Split } from '@/ui/split'
import { to } from '@/urls'

const SETTLED_MS = 400

/** The runs of durable workflows, live: what each did, what it waits for, and what a person can do about it. */
export default function RunsPage() {
  const { id } = useParams<{ id?: string }>()
  const [place, change] = usePlace()
  const [, navigate] = useLocation()
  const steps = useQuery(read.steps).data ?? []
  const { status, step } = place
  const close = () => navigate(to.runs({ status, step }))
  useRefresh('activity', ['runs'], SETTLED_MS)
  useRefresh('queues', ['runs'], SETTLED_MS)
  useKeys({ Escape: close }, id !== undefined)
  const set = (fields: Record<string, string | undefined>) => change(fields, { replace: true })
  const list = (
    <RunList
      status={status}
      step={step}
      chosen={id}
      chosen_step={place.of}
      onReset={() => set({ status: undefined, step: undefined })}
    />
  )
  return (
    <Page
      title="Runs"
      lead={
        <>
          <Select
            aria-label="Status"
            value={status ?? ''}
            onChange={event => set({ status: event.target.value || undefined })}
          >
            <option value="">Any status</option>
            {(Object.keys(RUN_STATUSES) as RunStatus[]).map(value => (
              <option key={value} value={value}>
                {RUN_STATUSES[value].text}
              </option>
            ))}
          </Select>
          <Select
            aria-label="Step"
            value={step ?? ''}
            onChange={event => set({ step: event.target.value || undefined })}
            className="max-w-48"
          >
            <option value="">Any step</option>
            {steps.map(({ name }) => (
              <option key={name}>{name}</option>
            ))}
          </Select>
        </>
      }
      tools={
        id !== undefined && (
          <IconButton label="Close the run" onClick={close}>
            <X />
          </IconButton>
        )
      }
    >
      {id === undefined ? (
        list
      ) : (
        <Split name="runs" label="Width of the list" kept="start" initial_px={360} min_px={260} max_px={640}>
          {list}
          <RunView key={`${id} ${place.of}`} id={id} step={place.of ?? ''} />
        </Split>
      )}
    </Page>
  )
}
