import { JsonView, type Props } from 'react-json-view-lite'
import type { Json } from '@/api/types'
import { CopyButton } from '@/ui/copy'

const STYLE: NonNullable<Props['style']> = {
  container: 'json font-mono text-xs leading-5 break-words whitespace-pre-wrap',
  basicChildStyle: 'pl-4',
  childFieldsContainer: '',
  label: 'text-ink mr-1',
  clickableLabel: 'text-ink mr-1 cursor-pointer',
  nullValue: 'text-faint',
  undefinedValue: 'text-faint',
  numberValue: 'text-live',
  stringValue: 'text-good',
  booleanValue: 'text-warn',
  otherValue: 'text-muted',
  punctuation: 'text-faint',
  expandIcon: 'json-toggle json-closed',
  collapseIcon: 'json-toggle json-open',
  collapsedContent: 'json-more text-faint',
  noQuotesForStringValues: false,
  quotesForFieldNames: false,
  ariaLables: { collapseJson: 'collapse', expandJson: 'expand' },
  stringifyStringValues: true,
}

const OPEN_LEVELS = 3
const OPEN_ITEMS = 60

/** A value as a tree that folds; text only, whatever it holds. */
export function JsonTree({ value, label }: { value: Json; label: string }) {
  return (
    <div className="group relative">
      <div className="absolute top-0 right-0 opacity-0 transition-opacity group-focus-within:opacity-100 group-hover:opacity-100">
        <CopyButton text={() => JSON.stringify(value, null, 2)} label="Copy as JSON" />
      </div>
      {typeof value === 'object' && value !== null ? (
        <JsonView
          data={value}
          aria-label={label}
          clickToExpandNode
          shouldExpandNode={(level, node) =>
            level < OPEN_LEVELS &&
            (typeof node !== 'object' || Object.keys(node as object).length <= OPEN_ITEMS)
          }
          style={STYLE}
        />
      ) : (
        <pre className="font-mono text-xs leading-5 break-words whitespace-pre-wrap">
          {typeof value === 'string' ? value : JSON.stringify(value)}
        </pre>
      )}
    </div>
  )
}
