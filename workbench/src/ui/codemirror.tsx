import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands'
import { json } from '@codemirror/lang-json'
import {
  bracketMatching,
  foldGutter,
  foldKeymap,
  HighlightStyle,
  StreamLanguage,
  syntaxHighlighting,
} from '@codemirror/language'
import { search, searchKeymap } from '@codemirror/search'
import { Compartment, EditorState, RangeSetBuilder, type Extension } from '@codemirror/state'
import { Decoration, EditorView, keymap, lineNumbers } from '@codemirror/view'
import { tags } from '@lezer/highlight'
import { useEffect, useRef } from 'react'
import type { EditorProps } from '@/ui/editor'

type Language = EditorProps['language']

/** JSON is at hand; the languages of steps are loaded when a source is shown. */
const LANGUAGES: Record<Exclude<Language, 'json'>, () => Promise<Extension>> = {
  python: async () => (await import('@codemirror/lang-python')).python(),
  javascript: async () => (await import('@codemirror/lang-javascript')).javascript(),
  typescript: async () => (await import('@codemirror/lang-javascript')).javascript({ typescript: true }),
  ruby: async () => StreamLanguage.define((await import('@codemirror/legacy-modes/mode/ruby')).ruby),
  go: async () => (await import('@codemirror/lang-go')).go(),
}

const COLOURS = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], color: 'var(--live)' },
  { tag: [tags.string, tags.special(tags.string), tags.regexp], color: 'var(--good)' },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: 'var(--warn)' },
  { tag: [tags.comment, tags.meta], color: 'var(--faint)', fontStyle: 'italic' },
  { tag: [tags.punctuation, tags.operator, tags.bracket], color: 'var(--muted)' },
  {
    tag: [tags.function(tags.definition(tags.variableName)), tags.definition(tags.className)],
    fontWeight: '600',
  },
])

const THEME = EditorView.theme({
  '&': { height: '100%', fontSize: '12px', color: 'var(--ink)', backgroundColor: 'transparent' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: "'Geist Mono Variable', ui-monospace, monospace", lineHeight: '20px' },
  '.cm-content': { caretColor: 'var(--live)', padding: '8px 0' },
  '.cm-line': { paddingRight: '16px' },
  '.cm-cursor': { borderLeftColor: 'var(--live)' },
  '.cm-gutters': { backgroundColor: 'transparent', color: 'var(--faint)', border: 'none' },
  '.cm-lineNumbers .cm-gutterElement': { padding: '0 4px 0 12px', minWidth: '36px' },
  '.cm-selectionBackground, &.cm-focused .cm-selectionBackground': {
    background: 'var(--live-soft) !important',
  },
  '.cm-matchingBracket': { backgroundColor: 'var(--live-soft) !important', color: 'inherit !important' },
  '.cm-marked': { backgroundColor: 'var(--live-soft)' },
  '.cm-panels': { backgroundColor: 'var(--raised)', color: 'var(--ink)' },
  '.cm-foldPlaceholder': { background: 'var(--hover)', border: 'none', color: 'var(--muted)' },
})

function marks(marked: EditorProps['marked']): Extension {
  if (!marked) return []
  return EditorView.decorations.of(view => {
    const builder = new RangeSetBuilder<Decoration>()
    const last = Math.min(marked.last_line, view.state.doc.lines)
    for (let line = Math.max(1, marked.first_line); line <= last; line++) {
      const { from } = view.state.doc.line(line)
      builder.add(from, from, Decoration.line({ class: 'cm-marked' }))
    }
    return builder.finish()
  })
}

/** Lives in a shadow root: there its styles are adopted sheets, which the page's strict policy allows. */
export default function CodeMirror({ value, label, language, onChange, onSubmit, marked }: EditorProps) {
  const host = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView>(undefined)
  const told = useRef({ onChange, onSubmit })
  const first_line = marked?.first_line
  const last_line = marked?.last_line
  const editable = onChange !== undefined
  useEffect(() => {
    told.current = { onChange, onSubmit }
  })
  useEffect(() => {
    const element = host.current
    if (element === null) return
    const root = element.shadowRoot ?? element.attachShadow({ mode: 'open' })
    const colours = new Compartment()
    const lines = first_line === undefined || last_line === undefined ? null : { first_line, last_line }
    const editor = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc: value,
        extensions: [
          keymap.of([
            {
              key: 'Mod-Enter',
              run: () => {
                told.current.onSubmit?.()
                return told.current.onSubmit !== undefined
              },
            },
            ...defaultKeymap,
            ...historyKeymap,
            ...searchKeymap,
            ...foldKeymap,
            ...(editable ? [indentWithTab] : []),
          ]),
          history(),
          lineNumbers(),
          foldGutter(),
          bracketMatching(),
          search({ top: true }),
          EditorView.lineWrapping,
          EditorView.editable.of(editable),
          EditorState.readOnly.of(!editable),
          EditorView.contentAttributes.of({ 'aria-label': label, tabindex: '0' }),
          EditorView.updateListener.of(update => {
            if (update.docChanged) told.current.onChange?.(update.state.doc.toString())
          }),
          syntaxHighlighting(COLOURS),
          THEME,
          colours.of(language === 'json' ? json() : []),
          marks(lines),
        ],
      }),
    })
    view.current = editor
    let gone = false
    if (language !== 'json') {
      void LANGUAGES[language]().then(extension => {
        if (!gone) editor.dispatch({ effects: colours.reconfigure(extension) })
      })
    }
    if (lines && lines.first_line <= editor.state.doc.lines) {
      const { from } = editor.state.doc.line(Math.max(1, lines.first_line))
      editor.dispatch({ effects: EditorView.scrollIntoView(from, { y: 'start', yMargin: 40 }) })
    }
    return () => {
      gone = true
      editor.destroy()
    }
    // The text is followed below; a new editor is needed only for another language or other marks.
  }, [language, label, editable, first_line, last_line])
  useEffect(() => {
    const editor = view.current
    if (editor === undefined || editor.state.doc.toString() === value) return
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } })
  }, [value])
  return <div ref={host} className="editor h-full min-h-0 overflow-hidden" />
}
