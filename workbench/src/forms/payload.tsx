import { useState, type ReactNode } from 'react'
import type { Json, Schema } from '@/api/types'
import { SchemaForm } from '@/forms/schema-form'
import { Choice } from '@/ui/field'
import { Editor } from '@/ui/editor'

export type Payload = { text: string; value: Json | undefined; wrong: string | null }

/** A payload as its JSON text, the one truth that the form and the editor both change. */
export function payloadOf(text: string): Payload {
  if (text.trim() === '') return { text, value: undefined, wrong: null }
  try {
    return { text, value: JSON.parse(text) as Json, wrong: null }
  } catch (error) {
    return { text, value: undefined, wrong: (error as Error).message }
  }
}

export const textOf = (value: Json | undefined): string =>
  value === undefined ? '' : JSON.stringify(value, null, 2)

type Props = {
  label: string
  /** Stands beside the choice of form or JSON. */
  title?: ReactNode
  schema: Schema | null
  payload: Payload
  onChange: (payload: Payload) => void
  onSubmit: () => void
}

/** The payload as a form of its schema, or as JSON. */
export function PayloadInput({ label, title, schema, payload, onChange, onSubmit }: Props) {
  const [view, setView] = useState<'form' | 'json'>(schema === null ? 'json' : 'form')
  const shown = schema === null ? 'json' : view
  return (
    <div>
      <div className="mb-2 flex items-center justify-between empty:hidden">
        {title}
        {schema !== null && (
          <Choice
            label={`${label} as`}
            value={shown}
            options={[
              { value: 'form', text: 'Form' },
              { value: 'json', text: 'JSON' },
            ]}
            onChange={setView}
          />
        )}
      </div>
      {shown === 'form' && schema !== null ? (
        <SchemaForm
          schema={schema}
          root={schema}
          value={payload.value}
          onChange={value => onChange({ text: textOf(value), value, wrong: null })}
        />
      ) : (
        <div className="h-56 overflow-hidden rounded-lg border border-line bg-sunken">
          <Editor
            label={`${label} as JSON`}
            language="json"
            value={payload.text}
            onChange={text => onChange(payloadOf(text))}
            onSubmit={onSubmit}
          />
        </div>
      )}
      {payload.wrong !== null && (
        <p role="alert" className="mt-1.5 text-xs text-bad">
          Not JSON: {payload.wrong}
        </p>
      )}
    </div>
  )
}
