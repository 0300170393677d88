import { useInfiniteQuery } from '@tanstack/react-query'
import { Plus } from 'lucide-react'
import { useState } from 'react'
import { useRefresh } from '@/api/live-hooks'
import { useMore } from '@/api/live-list'
import * as read from '@/api/queries'
import { bytes, plural } from '@/format'
import { ItemPanel } from '@/pages/states/item'
import { usePlace } from '@/place'
import { useKeys } from '@/shell/keys'
import { Page } from '@/shell/page'
import { useReadOnly } from '@/shell/session'
import { Button } from '@/ui/button'
import { Empty, Loading } from '@/ui/empty'
import { SearchInput } from '@/ui/field'
import { ProblemPage } from '@/ui/problem'
import { Listed, RowLink, Rows } from '@/ui/rows'
import { Split } from '@/ui/split'
import { to } from '@/urls'

const ROW_PX = 30
const PAGE = 200
const SETTLED_MS = 250

/** The state of the project: scopes, their keys, one value opened. Changes show as they are committed. */
export default function StatesPage() {
  const [place, change] = usePlace()
  const read_only = useReadOnly()
  const scopes = useInfiniteQuery(read.scopes({ limit: PAGE }))
  useRefresh('states', ['states'], SETTLED_MS)
  const known = scopes.data?.pages.flatMap(page => page.items) ?? []
  const scope = place.scope ?? known[0]?.scope
  useKeys({ Escape: () => change({ key: undefined, new: undefined }, { replace: true }) })
  return (
    <Page
      title="States"
      lead={
        <SearchInput
          label="Key"
          value={place.search ?? ''}
          onChange={search => change({ search: search || undefined }, { replace: true })}
          className="w-56"
        />
      }
      tools={
        !read_only && (
          <Button
            icon={<Plus className="size-3" />}
            onClick={() => change({ scope, key: undefined, new: '1' })}
          >
            New value
          </Button>
        )
      }
    >
      {scopes.error ? (
        <ProblemPage error={scopes.error} retry={() => void scopes.refetch()} />
      ) : scopes.data === undefined ? (
        <Loading />
      ) : known.length === 0 && !place.new ? (
        <Empty title="No state yet" command={'await ctx.state.set("orders", "42", {...})'}>
          What steps keep under a scope and a key appears here.
        </Empty>
      ) : (
        <Split
          name="states"
          label="Width of the scopes"
          kept="start"
          initial_px={220}
          min_px={140}
          max_px={480}
        >
          <Listed head={plural(known.length, 'scope') + (scopes.hasNextPage ? ' and more' : '')}>
            <Rows
              items={known}
              keyOf={item => item.scope}
              row_px={ROW_PX}
              label="Scopes"
              onEnd={scopes.hasNextPage ? () => void scopes.fetchNextPage() : undefined}
            >
              {item => (
                <RowLink href={to.states(item.scope)} chosen={item.scope === scope}>
                  <span className="truncate">{item.scope}</span>
                </RowLink>
              )}
            </Rows>
          </Listed>
          {place.key !== undefined || place.new ? (
            <Split
              name="state"
              label="Width of the value"
              kept="end"
              initial_px={520}
              min_px={320}
              max_px={1100}
            >
              <Keys key={scope} scope={scope} search={place.search} chosen={place.key} />
              <ItemPanel
                key={`${scope}\n${place.key}`}
                scope={scope ?? ''}
                item={place.key}
                onClose={() => change({ key: undefined, new: undefined }, { replace: true })}
                onSaved={(saved_scope, key) =>
                  change({ scope: saved_scope, key, new: undefined }, { replace: true })
                }
              />
            </Split>
          ) : (
            <Keys key={scope} scope={scope} search={place.search} chosen={undefined} />
          )}
        </Split>
      )}
    </Page>
  )
}

function Keys({
  scope,
  search,
  chosen,
}: {
  scope: string | undefined
  search: string | undefined
  chosen: string | undefined
}) {
  const [, change] = usePlace()
  const keys = useInfiniteQuery({
    ...read.states(scope ?? '', { search, limit: PAGE }),
    enabled: scope !== undefined,
  })
  const onEnd = useMore(keys)
  const [opened, setOpened] = useState<number>()
  if (opened === undefined && keys.data !== undefined) {
    setOpened(Math.max(0, ...keys.data.pages.flatMap(page => page.items.map(item => item.version))))
  }
  if (keys.error) return <ProblemPage error={keys.error} retry={() => void keys.refetch()} />
  if (keys.data === undefined) return <Loading />
  const items = keys.data.pages.flatMap(page => page.items)
  if (items.length === 0) return <Empty title={search ? 'No key matches' : 'This scope is empty'} />
  return (
    <Listed head={plural(items.length, 'key') + (keys.hasNextPage ? ' and more' : '')}>
      <Rows
        items={items}
        keyOf={item => item.key}
        row_px={ROW_PX}
        label="Keys"
        selected={items.findIndex(item => item.key === chosen)}
        onMove={index => change({ scope, key: items[index]?.key }, { replace: true })}
        onEnd={onEnd}
      >
        {item => (
          <RowLink
            href={to.states(item.scope, item.key)}
            chosen={item.key === chosen}
            className="gap-4 border-b border-line/50"
          >
            <span className="w-[38%] shrink-0 truncate">{item.key}</span>
            <span
              key={item.version}
              className={`min-w-0 flex-1 truncate rounded-sm text-faint ${item.version > (opened ?? item.version) ? 'flash' : ''}`}
            >
              {JSON.stringify(item.value)}
            </span>
            <span className="num shrink-0 font-sans text-2xs text-muted">v{item.version}</span>
            <span className="num w-14 shrink-0 text-right font-sans text-2xs text-muted">
              {bytes(item.bytes)}
            </span>
          </RowLink>
        )}
      </Rows>
    </Listed>
  )
}
