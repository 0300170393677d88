import { Plus, X } from 'lucide-react'
import { useId, useState } from 'react'
import type { Json, Schema } from '@/api/types'
import { blank, fieldOf, isObject, type Field } from '@/forms/schema'
import { Button, IconButton } from '@/ui/button'
import { Select, TextArea, TextInput } from '@/ui/field'

type Props = {
  schema: Schema
  root: Schema
  value: Json | undefined
  onChange: (value: Json | undefined) => void
}

/** A form of the fields that a schema names. An empty optional field is left out of the value. */
export function SchemaForm({ schema, root, value, onChange }: Props) {
  const field = fieldOf(schema, root)
  if (field.kind !== 'object')
    return <Input field={field} root={root} value={value} onChange={onChange} name="Value" />
  const fields = isObject(value) ? value : {}
  const change = (name: string, part: Json | undefined) => {
    const { [name]: _, ...others } = fields
    onChange(part === undefined ? others : { ...fields, [name]: part })
  }
  return (
    <div className="flex flex-col gap-3">
      {field.properties.map(({ name, schema: inner, required }) => (
        <Property
          key={name}
          name={name}
          schema={inner}
          root={root}
          required={required}
          value={fields[name]}
          onChange={part => change(name, part)}
        />
      ))}
    </div>
  )
}

type PropertyProps = Props & { name: string; required: boolean }

function Property({ name, schema, root, required, value, onChange }: PropertyProps) {
  const field = fieldOf(schema, root)
  const id = useId()
  const nested = field.kind === 'object' || field.kind === 'array'
  const title = (
    <>
      <span className="font-mono text-xs text-ink">{name}</span>
      {required && (
        <span className="ml-0.5 text-bad" title="required">
          *
        </span>
      )}
      <span className="ml-2 text-2xs text-faint">{field.hint || (nested ? field.kind : '')}</span>
    </>
  )
  if (nested) {
    return (
      <fieldset className="border-l-2 border-line pl-3">
        <legend className="mb-1.5">{title}</legend>
        <Input field={field} schema={schema} root={root} value={value} onChange={onChange} name={name} />
      </fieldset>
    )
  }
  return (
    <div className="grid gap-1">
      <label htmlFor={id}>{title}</label>
      <Input id={id} field={field} root={root} value={value} onChange={onChange} name={name} />
      {field.description && <p className="text-2xs text-muted">{field.description}</p>}
    </div>
  )
}

type InputProps = {
  field: Field
  schema?: Schema
  root: Schema
  value: Json | undefined
  onChange: (value: Json | undefined) => void
  name: string
  id?: string
}

function Input({ field, schema = {}, root, value, onChange, name, id }: InputProps) {
  const named = id === undefined ? { 'aria-label': name } : { id }
  switch (field.kind) {
    case 'object':
      return <SchemaForm schema={schema} root={root} value={value} onChange={onChange} />
    case 'array':
      return <Items field={field} root={root} value={value} onChange={onChange} name={name} />
    case 'boolean':
      return (
        <Select
          {...named}
          value={value === undefined || value === null ? '' : String(value)}
          onChange={event => onChange(event.target.value === '' ? undefined : event.target.value === 'true')}
        >
          <option value="">{field.fallback || '–'}</option>
          <option value="true">true</option>
          <option value="false">false</option>
        </Select>
      )
    case 'choice': {
      const at = field.choices.findIndex(choice => choice === value)
      return (
        <Select
          {...named}
          value={at < 0 ? '' : at}
          onChange={event =>
            onChange(event.target.value === '' ? undefined : field.choices[Number(event.target.value)])
          }
        >
          <option value="">{field.fallback || '–'}</option>
          {field.choices.map((choice, index) => (
            <option key={index} value={index}>
              {String(choice)}
            </option>
          ))}
        </Select>
      )
    }
    case 'number':
    case 'integer':
      return (
        <TextInput
          {...named}
          type="number"
          step={field.kind === 'integer' ? 1 : 'any'}
          placeholder={field.fallback}
          value={typeof value === 'number' ? value : ''}
          onChange={event => onChange(event.target.value === '' ? undefined : event.target.valueAsNumber)}
        />
      )
    case 'text':
    case 'long': {
      const Text = field.kind === 'text' ? TextInput : TextArea
      return (
        <Text
          {...named}
          placeholder={field.fallback}
          value={typeof value === 'string' ? value : ''}
          onChange={event =>
            onChange(event.target.value === '' && value === undefined ? undefined : event.target.value)
          }
        />
      )
    }
    case 'json':
      return <JsonInput named={named} value={value} onChange={onChange} />
  }
}

type JsonInputProps = {
  named: { id?: string; 'aria-label'?: string }
  value: Json | undefined
  onChange: (value: Json | undefined) => void
}

/** For what no field fits; tells a value only while the text is JSON. */
function JsonInput({ named, value, onChange }: JsonInputProps) {
  const [text, setText] = useState(() => (value === undefined ? '' : JSON.stringify(value)))
  const [wrong, setWrong] = useState(false)
  const change = (typed: string) => {
    setText(typed)
    try {
      onChange(typed.trim() === '' ? undefined : (JSON.parse(typed) as Json))
      setWrong(false)
    } catch {
      setWrong(true)
    }
  }
  return (
    <TextArea
      {...named}
      rows={2}
      placeholder="JSON"
      aria-invalid={wrong}
      value={text}
      onChange={event => change(event.target.value)}
    />
  )
}

function Items({ field, root, value, onChange, name }: Omit<InputProps, 'id'>) {
  const items = Array.isArray(value) ? value : []
  const inner = fieldOf(field.items, root)
  return (
    <div className="flex flex-col gap-2">
      {items.map((item, index) => (
        <div key={index} className="flex items-start gap-1">
          <div className="grid min-w-0 flex-1">
            <Input
              field={inner}
              schema={field.items}
              root={root}
              value={item}
              name={`${name} ${index + 1}`}
              onChange={part => onChange(items.map((old, at) => (at === index ? (part ?? null) : old)))}
            />
          </div>
          <IconButton
            label={`Remove ${name} ${index + 1}`}
            onClick={() => onChange(items.filter((_, at) => at !== index))}
          >
            <X />
          </IconButton>
        </div>
      ))}
      <Button
        look="ghost"
        className="self-start"
        icon={<Plus className="size-3" />}
        onClick={() => onChange([...items, blank(field.items, root)])}
      >
        Add
      </Button>
    </div>
  )
}
