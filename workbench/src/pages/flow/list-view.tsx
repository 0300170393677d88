import type { Flow, FlowEdge } from '@/api/types'
import { count } from '@/format'
import { labelOf } from '@/pages/flow/layout'
import { placeName, Subtitle } from '@/pages/flow/nodes'
import { KindIcon } from '@/ui/kind'

type Props = { flow: Flow; chosen: string | undefined; onChoose: (node: string) => void }

/** The same graph as a table: what runs when, and what it leads to. */
export function FlowList({ flow, chosen, onChoose }: Props) {
  const names = new Map(
    flow.nodes.map(node => [node.id, node.kind === 'step' ? node.step.name : placeName(node)]),
  )
  const after = (id: string) => flow.edges.filter(edge => edge.source === id)
  const text = (edge: FlowEdge) =>
    `${labelOf(edge) ? `${labelOf(edge)} → ` : ''}${names.get(edge.target) ?? edge.target}`
  return (
    <div className="h-full overflow-auto">
      <table className="w-full text-left text-xs">
        <thead className="sticky top-0 bg-panel">
          <tr className="label h-8 [&>th]:border-b [&>th]:border-line [&>th]:px-4 [&>th]:font-medium">
            <th scope="col">Step</th>
            <th scope="col">Runs on</th>
            <th scope="col">Leads to</th>
            <th scope="col" className="text-right!">
              Runs
            </th>
            <th scope="col" className="text-right!">
              Failed
            </th>
          </tr>
        </thead>
        <tbody>
          {flow.nodes.map(
            node =>
              node.kind === 'step' && (
                <tr
                  key={node.id}
                  className={`align-top [&>td]:border-b [&>td]:border-line/60 [&>td]:px-4 [&>td]:py-2 ${node.id === chosen ? 'bg-pressed' : 'hover:bg-hover'}`}
                >
                  <td>
                    <button
                      type="button"
                      className="flex items-center gap-2 text-left text-sm font-medium whitespace-nowrap"
                      aria-pressed={node.id === chosen}
                      onClick={() => onChoose(node.id)}
                    >
                      <KindIcon kind={node.step.noop ? 'noop' : (node.step.kinds[0] ?? '')} />
                      {node.step.name}
                    </button>
                  </td>
                  <td className="text-muted">
                    <Subtitle step={node.step} />
                  </td>
                  <td className="font-mono text-2xs text-muted">
                    {after(node.id).map(edge => (
                      <p key={edge.id} className={edge.declared ? '' : 'italic'}>
                        {text(edge)}
                        {!edge.declared && ' (seen, not declared)'}
                      </p>
                    ))}
                  </td>
                  <td className="num text-right">{count(node.runs)}</td>
                  <td className={`num text-right ${node.failures > 0 ? 'text-bad' : 'text-faint'}`}>
                    {count(node.failures)}
                  </td>
                </tr>
              ),
          )}
        </tbody>
      </table>
    </div>
  )
}
