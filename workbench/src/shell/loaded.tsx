import { useEffect, useState, type ComponentType } from 'react'
import { Loading } from '@/ui/empty'

export type Loaded = ComponentType & { load: () => Promise<void> }

/**
 * A page that is loaded when it is first opened, or by `load` before. React's `lazy` would wait with what it has:
 * it shows nothing new for 300 ms after a fallback.
 */
export function loaded(read: () => Promise<{ default: ComponentType }>): Loaded {
  let found: ComponentType | undefined
  const load = async () => {
    found ??= (await read()).default
  }
  function Page() {
    const [Body, setBody] = useState(() => found)
    const [error, setError] = useState<Error>()
    useEffect(() => {
      let left = false
      load().then(
        () => left || setBody(() => found),
        (failure: Error) => left || setError(failure),
      )
      return () => {
        left = true
      }
    }, [])
    if (error !== undefined) throw error
    return Body === undefined ? <Loading /> : <Body />
  }
  return Object.assign(Page, { load })
}
