import { useQuery } from '@tanstack/react-query'
import { useParams } from 'wouter'
import * as read from '@/api/queries'
import { Page } from '@/shell/page'
import { Empty, Loading } from '@/ui/empty'

/** A tab that a plugin brings: its own page in a frame. A plugin is code of the project, and trusted like it. */
export default function PluginPage() {
  const { name } = useParams<{ name: string }>()
  const project = useQuery(read.project)
  const plugin = project.data?.plugins.find(known => known.name === name)
  return (
    <Page title={plugin?.label ?? name}>
      {project.data === undefined ? (
        <Loading />
      ) : plugin === undefined ? (
        <Empty title={`No plugin is called ${name}`}>It may have been removed from the settings.</Empty>
      ) : (
        <iframe key={plugin.name} src={plugin.page} title={plugin.label} className="h-full w-full border-0" />
      )}
    </Page>
  )
}
