import { Plus, X } from 'lucide-react'
import { Button, IconButton } from '@/ui/button'
import { TextInput } from '@/ui/field'

type Pair = [string, string]
type Props = {
  label: string
  pairs: Pair[]
  hints?: Record<string, string>
  onChange: (pairs: Pair[]) => void
}

/** Names and values of headers or of the query. */
export function Pairs({ label, pairs, hints = {}, onChange }: Props) {
  const change = (at: number, pair: Pair) => onChange(pairs.map((old, index) => (index === at ? pair : old)))
  return (
    <div className="flex flex-col gap-1.5">
      {pairs.map(([name, value], index) => (
        <div key={index} className="flex gap-1.5">
          <TextInput
            aria-label={`${label} name ${index + 1}`}
            value={name}
            placeholder="name"
            className="w-44 font-mono"
            onChange={event => change(index, [event.target.value, value])}
          />
          <TextInput
            aria-label={`${label} ${name || index + 1}`}
            value={value}
            placeholder={hints[name] ?? 'value'}
            className="flex-1 font-mono"
            onChange={event => change(index, [name, event.target.value])}
          />
          <IconButton
            label={`Remove ${name || label}`}
            onClick={() => onChange(pairs.filter((_, at) => at !== index))}
          >
            <X />
          </IconButton>
        </div>
      ))}
      <Button
        look="ghost"
        className="self-start"
        icon={<Plus className="size-3" />}
        onClick={() => onChange([...pairs, ['', '']])}
      >
        Add {label}
      </Button>
    </div>
  )
}
