import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useRefresh } from '@/api/live-hooks'
import * as read from '@/api/queries'
import type { StreamInfo } from '@/api/types'
import { count, plural } from '@/format'
import { Item } from '@/pages/streams/item'
import { usePlace } from '@/place'
import { useKeys } from '@/shell/keys'
import { Page } from '@/shell/page'
import { Empty, Loading } from '@/ui/empty'
import { Select } from '@/ui/field'
import { JsonTree } from '@/ui/json'
import { ProblemPage } from '@/ui/problem'
import { Listed, RowLink, Rows } from '@/ui/rows'
import { Split } from '@/ui/split'
import { to } from '@/urls'

const ROW_PX = 30
const SETTLED_MS = 250

/** The realtime streams: their groups and items, as subscribers see them, live. */
export default function StreamsPage() {
  const [place, change] = usePlace()
  const streams = useQuery(read.streams)
  useRefresh('streams', ['streams'], SETTLED_MS)
  const chosen = streams.data?.find(stream => stream.name === place.name) ?? streams.data?.[0]
  return (
    <Page
      title="Streams"
      lead={
        chosen && (
          <Select
            aria-label="Stream"
            value={chosen.name}
            onChange={event => change({ name: event.target.value, group: undefined, item: undefined })}
            className="font-medium"
          >
            {streams.data?.map(stream => (
              <option key={stream.name}>{stream.name}</option>
            ))}
          </Select>
        )
      }
      tools={
        chosen && (
          <span className="truncate font-mono text-2xs text-muted">
            {chosen.path}:{chosen.line}
          </span>
        )
      }
    >
      {streams.error ? (
        <ProblemPage error={streams.error} retry={() => void streams.refetch()} />
      ) : streams.data === undefined ? (
        <Loading />
      ) : chosen === undefined ? (
        <Empty title="No streams yet" command="motia generate stream">
          A stream pushes items to browsers as they change. Define one, and its groups appear here.
        </Empty>
      ) : (
        <Groups key={chosen.name} stream={chosen} />
      )}
    </Page>
  )
}

function Groups({ stream }: { stream: StreamInfo }) {
  const [place] = usePlace()
  const groups = useInfiniteQuery(read.streamGroups(stream.name))
  if (groups.error) return <ProblemPage error={groups.error} retry={() => void groups.refetch()} />
  if (groups.data === undefined) return <Loading />
  const known = groups.data.pages.flatMap(page => page.items)
  const group = place.group ?? known[0]?.group_id
  if (group === undefined) {
    return (
      <div className="grid h-full grid-rows-[1fr_auto]">
        <Empty
          title="This stream is empty"
          command={`await ctx.streams.${stream.name}.set("group", "id", {...})`}
        >
          {stream.description || 'Items appear here the moment a step sets them.'}
        </Empty>
        {stream.schema && (
          <details className="border-t border-line p-4 text-xs">
            <summary className="font-medium">Schema</summary>
            <div className="mt-2">
              <JsonTree value={stream.schema} label="Schema" />
            </div>
          </details>
        )}
      </div>
    )
  }
  return (
    <Split name="streams" label="Width of the groups" kept="start" initial_px={240} min_px={140} max_px={480}>
      <Listed head={plural(known.length, 'group') + (groups.hasNextPage ? ' and more' : '')}>
        <Rows
          items={known}
          keyOf={item => item.group_id}
          row_px={ROW_PX}
          label="Groups"
          onEnd={groups.hasNextPage ? () => void groups.fetchNextPage() : undefined}
        >
          {item => (
            <RowLink href={to.streams(stream.name, item.group_id)} chosen={item.group_id === group}>
              <span className="flex-1 truncate">{item.group_id}</span>
              <span className="num text-2xs text-muted">{count(item.items)}</span>
            </RowLink>
          )}
        </Rows>
      </Listed>
      <Items key={group} stream={stream.name} group={group} />
    </Split>
  )
}

function Items({ stream, group }: { stream: string; group: string }) {
  const [place, change] = usePlace()
  const list = useInfiniteQuery(read.streamItems(stream, group))
  useKeys({ Escape: () => change({ item: undefined }, { replace: true }) })
  if (list.error) return <ProblemPage error={list.error} retry={() => void list.refetch()} />
  if (list.data === undefined) return <Loading />
  const items = list.data.pages.flatMap(page => page.items)
  const at = items.findIndex(item => item.id === place.item)
  const chosen = items[at]
  const rows = (
    <Listed head={plural(items.length, 'item') + (list.hasNextPage ? ' and more' : '')}>
      <Rows
        items={items}
        keyOf={item => item.id}
        row_px={ROW_PX}
        label="Items"
        selected={at}
        onMove={index => change({ name: stream, group, item: items[index]?.id }, { replace: true })}
        onEnd={list.hasNextPage ? () => void list.fetchNextPage() : undefined}
      >
        {item => (
          <RowLink
            href={to.streams(stream, group, item.id)}
            chosen={item === chosen}
            className="gap-4 border-b border-line/50"
          >
            <span className="w-[34%] shrink-0 truncate">{item.id}</span>
            <span className="min-w-0 flex-1 truncate text-faint">{JSON.stringify(item.data)}</span>
          </RowLink>
        )}
      </Rows>
    </Listed>
  )
  if (chosen === undefined) return rows
  return (
    <Split name="stream" label="Width of the item" kept="end" initial_px={480} min_px={300} max_px={1000}>
      {rows}
      <Item
        key={chosen.id}
        stream={stream}
        group={group}
        item={chosen}
        onClose={() => change({ item: undefined }, { replace: true })}
      />
    </Split>
  )
}
