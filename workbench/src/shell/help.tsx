import { COMMAND } from '@/shell/keys'
import { PAGES } from '@/shell/pages'
import { Dialog } from '@/ui/dialog'

const KEYS: [string, string][] = [
  [`${COMMAND}K`, 'Go to a step, endpoint, topic, page or trace'],
  ['/', 'Search on this page'],
  ['j  k', 'Next, previous row'],
  ['Esc', 'Close what is open'],
  [`${COMMAND}↵`, 'Send, where something can be sent'],
  ['?', 'This list'],
  ...PAGES.map((page): [string, string] => [`g ${page.key}`, page.title]),
]

export default function Help({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl className="grid grid-cols-[5rem_1fr] gap-y-1.5 text-sm">
        {KEYS.map(([key, text]) => (
          <div key={key} className="contents">
            <dt>
              <kbd className="rounded border border-line-strong bg-sunken px-1.5 py-0.5 font-mono text-2xs whitespace-pre">
                {key}
              </kbd>
            </dt>
            <dd className="text-muted">{text}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  )
}
