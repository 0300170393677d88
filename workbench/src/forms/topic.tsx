import { useQuery } from '@tanstack/react-query'
import * as read from '@/api/queries'
import { SendForm } from '@/forms/send'
import { Loading } from '@/ui/empty'
import { ProblemPage } from '@/ui/problem'
import { api } from '@/urls'

/** Send a message to a topic, with the form of the schema its subscribers declare. */
export function TopicForm({ topic }: { topic: string }) {
  const topics = useQuery(read.topics)
  if (topics.error) return <ProblemPage error={topics.error} retry={() => void topics.refetch()} />
  if (topics.data === undefined) return <Loading />
  const found = topics.data.find(known => known.topic === topic)
  return (
    <SendForm
      key={topic}
      label="Message"
      schema={found?.schema ?? null}
      example={found?.example ?? null}
      send_url={api.emit(topic)}
    />
  )
}
