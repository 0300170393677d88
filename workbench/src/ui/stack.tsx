import { framesOf, runsOf } from '@/ui/frames'
import { plural } from '@/format'
import { CopyButton } from '@/ui/copy'

/** A stack with the user's own lines in front; runs of foreign frames fold. */
export function Stack({ text }: { text: string }) {
  const runs = runsOf(framesOf(text))
  return (
    <div className="group relative overflow-x-auto rounded-lg border border-line bg-sunken p-3 font-mono text-2xs leading-4.5">
      <div className="absolute top-1 right-1 opacity-0 group-focus-within:opacity-100 group-hover:opacity-100">
        <CopyButton text={text} label="Copy the stack" />
      </div>
      {runs.map((run, index) =>
        run.own ? (
          <pre key={index} className="break-words whitespace-pre-wrap">
            {run.frames.map(frame => frame.text).join('\n')}
          </pre>
        ) : (
          <details key={index} className="text-faint">
            <summary className="py-0.5 hover:text-ink">
              {plural(run.frames.length, 'frame')} of libraries
            </summary>
            <pre>{run.frames.map(frame => frame.text).join('\n')}</pre>
          </details>
        ),
      )}
    </div>
  )
}
