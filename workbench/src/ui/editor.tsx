import { lazy, Suspense } from 'react'
import type { Language } from '@/api/types'
import { Loading } from '@/ui/empty'

const CodeMirror = lazy(() => import('@/ui/codemirror'))

export type EditorProps = {
  value: string
  label: string
  language: Language | 'json'
  /** Without it the text is only read. */
  onChange?: (value: string) => void
  /** Cmd-Enter. */
  onSubmit?: () => void
  /** Lines set apart, the first scrolled into view. */
  marked?: { first_line: number; last_line: number } | null
}

/** Code with colours; the editor is loaded when it is first needed. */
export function Editor(props: EditorProps) {
  return (
    <Suspense fallback={<Loading />}>
      <CodeMirror {...props} />
    </Suspense>
  )
}
