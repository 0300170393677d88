import type { Json } from '@/api/types'
import { JsonTree } from '@/ui/json'
import { Stack } from '@/ui/stack'

/** What was logged beside a line: a stack as a stack, all else as a tree. */
export function LogData({ data }: { data: Json }) {
  if (data === null || typeof data !== 'object' || Array.isArray(data) || typeof data.stack !== 'string')
    return data === null ? null : <JsonTree value={data} label="Data of the line" />
  const { stack, ...rest } = data
  return (
    <div className="flex flex-col gap-2">
      <Stack text={String(stack)} />
      {Object.keys(rest).length > 0 && <JsonTree value={rest} label="Data of the line" />}
    </div>
  )
}
