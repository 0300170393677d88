import { lazy, Suspense, useEffect, useRef, useState } from 'react'
import { Redirect, Route, Switch, useLocation } from 'wouter'
import { Banner } from '@/shell/banner'
import { COMMAND, useKeys } from '@/shell/keys'
import { PAGES, PluginPage } from '@/shell/pages'
import { Sidebar } from '@/shell/sidebar'
import { Empty } from '@/ui/empty'
import { PageBoundary } from '@/ui/problem'
import { to } from '@/urls'

const loadPalette = () => import('@/shell/palette')
const Palette = lazy(loadPalette)
const Help = lazy(() => import('@/shell/help'))

const SETTLED_MS = 1_000

export function App() {
  const [path, navigate] = useLocation()
  const [open, setOpen] = useState<'palette' | 'help' | null>(null)
  /** `g` was pressed: the next key says where to, however long it takes. */
  const chord = useRef(false)
  const close = () => setOpen(null)
  useKeys({
    g: () => {
      chord.current = true
    },
    '/': () => document.querySelector<HTMLElement>('[data-search]')?.focus(),
    '?': () => setOpen('help'),
  })
  useEffect(() => {
    // There before it is asked for: what is typed while it loads would be lost.
    const timer = setTimeout(() => void loadPalette(), SETTLED_MS)
    return () => clearTimeout(timer)
  }, [])
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() === 'k' && (event.metaKey || event.ctrlKey)) {
        event.preventDefault()
        setOpen('palette')
        return
      }
      if (event.key === 'g' || !chord.current) return
      chord.current = false
      const page = PAGES.find(({ key }) => key === event.key)
      if (page === undefined) return
      event.preventDefault()
      navigate(page.href)
    }
    const forget = () => {
      chord.current = false
    }
    // Before the lists hear it: `g k` is not `k`.
    window.addEventListener('keydown', press, { capture: true })
    window.addEventListener('pointerdown', forget)
    return () => {
      window.removeEventListener('keydown', press, { capture: true })
      window.removeEventListener('pointerdown', forget)
    }
  }, [navigate])
  return (
    <div className="flex h-full">
      <Sidebar onPalette={() => setOpen('palette')} onHelp={() => setOpen('help')} />
      <main className="flex min-w-0 flex-1 flex-col bg-panel">
        <Banner />
        <div className="min-h-0 flex-1">
          <PageBoundary key={path.split('/')[1] ?? ''}>
            <Switch>
              {PAGES.map(page => (
                <Route key={page.path} path={page.path} component={page.body} />
              ))}
              <Route path="/plugins/:name" component={PluginPage} />
              <Route path="/">
                <Redirect to={to.flow()} replace />
              </Route>
              <Route>
                <Empty title="There is no such page">
                  Choose one on the left, or press {COMMAND}K and type its name.
                </Empty>
              </Route>
            </Switch>
          </PageBoundary>
        </div>
      </main>
      <Suspense>
        {open === 'palette' && <Palette onClose={close} />}
        {open === 'help' && <Help onClose={close} />}
      </Suspense>
    </div>
  )
}
