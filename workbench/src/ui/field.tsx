import { Search, X } from 'lucide-react'
import {
  useEffect,
  useRef,
  useState,
  type InputHTMLAttributes,
  type SelectHTMLAttributes,
  type TextareaHTMLAttributes,
} from 'react'

const BOX =
  'rounded-md border border-line-strong bg-panel text-xs text-ink hover:border-faint/60 focus-visible:border-live aria-invalid:border-bad'

export function TextInput({ className = '', ...rest }: InputHTMLAttributes<HTMLInputElement>) {
  return (
    <input
      className={`h-7 min-w-0 px-2 ${BOX} ${className}`}
      autoComplete="off"
      spellCheck={false}
      {...rest}
    />
  )
}

export function TextArea({ className = '', ...rest }: TextareaHTMLAttributes<HTMLTextAreaElement>) {
  return (
    <textarea className={`min-w-0 px-2 py-1.5 font-mono ${BOX} ${className}`} spellCheck={false} {...rest} />
  )
}

export function Select({ className = '', ...rest }: SelectHTMLAttributes<HTMLSelectElement>) {
  return <select className={`h-7 min-w-0 px-1.5 ${BOX} ${className}`} {...rest} />
}

const SETTLED_MS = 200

type SearchProps = { value: string; onChange: (value: string) => void; label: string; className?: string }

/** Tells what was typed once the typing rests. `/` focuses it. */
export function SearchInput({ value, onChange, label, className = '' }: SearchProps) {
  const [text, setText] = useState(value)
  const told = useRef(value)
  useEffect(() => {
    if (value !== told.current) setText((told.current = value))
  }, [value])
  useEffect(() => {
    if (text === told.current) return
    const timer = setTimeout(() => onChange((told.current = text)), SETTLED_MS)
    return () => clearTimeout(timer)
  }, [text, onChange])
  return (
    <div className={`relative ${className}`}>
      <Search className="pointer-events-none absolute top-2 left-2 size-3 text-faint" aria-hidden />
      <TextInput
        data-search
        aria-label={label}
        placeholder={label}
        value={text}
        onChange={event => setText(event.target.value)}
        onKeyDown={event => {
          if (event.key !== 'Escape') return
          if (text) setText('')
          else event.currentTarget.blur()
          event.stopPropagation()
        }}
        className="w-full px-6.5"
      />
      {text && (
        <button
          type="button"
          aria-label="Clear"
          className="absolute top-1.5 right-1.5 rounded p-0.5 text-faint hover:text-ink"
          onClick={() => setText('')}
        >
          <X className="size-3" />
        </button>
      )}
    </div>
  )
}

/** A row of choices of which one holds; a radio group to assistive technology. */
export function Choice<T extends string>({
  label,
  value,
  options,
  onChange,
}: {
  label: string
  value: T
  options: { value: T; text: string }[]
  onChange: (value: T) => void
}) {
  return (
    <div
      role="radiogroup"
      aria-label={label}
      className="flex rounded-md border border-line-strong bg-panel p-px"
    >
      {options.map(option => (
        <button
          key={option.value}
          type="button"
          role="radio"
          aria-checked={option.value === value}
          onClick={() => onChange(option.value)}
          className={`h-6 rounded-[5px] px-2 text-xs font-medium transition-colors ${
            option.value === value ? 'bg-pressed text-ink' : 'text-muted hover:text-ink'
          }`}
        >
          {option.text}
        </button>
      ))}
    </div>
  )
}
