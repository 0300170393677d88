import {
  Activity,
  Bug,
  CalendarClock,
  ChartSpline,
  Database,
  Globe,
  Layers,
  ListChecks,
  Radio,
  ScrollText,
  Workflow,
  type LucideIcon,
} from 'lucide-react'
import { loaded, type Loaded } from '@/shell/loaded'
import { to } from '@/urls'

export type PageInfo = {
  path: string
  title: string
  href: string
  icon: LucideIcon
  /** `g` and this letter go there. */
  key: string
  group: string
  body: Loaded
}

/** The pages in the order of the sidebar. Each is loaded when it is first opened. */
export const PAGES: PageInfo[] = [
  {
    path: '/flow/:name?',
    title: 'Flow',
    href: to.flow(),
    icon: Workflow,
    key: 'f',
    group: 'Build',
    body: loaded(() => import('@/pages/flow/page')),
  },
  {
    path: '/endpoints',
    title: 'Endpoints',
    href: to.endpoints(),
    icon: Globe,
    key: 'e',
    group: 'Build',
    body: loaded(() => import('@/pages/endpoints/page')),
  },
  {
    path: '/queues',
    title: 'Queues',
    href: to.queues(),
    icon: Layers,
    key: 'q',
    group: 'Build',
    body: loaded(() => import('@/pages/queues/page')),
  },
  {
    path: '/cron',
    title: 'Cron',
    href: to.cron(),
    icon: CalendarClock,
    key: 'c',
    group: 'Build',
    body: loaded(() => import('@/pages/cron/page')),
  },
  {
    path: '/traces/:id?',
    title: 'Traces',
    href: to.traces(),
    icon: Activity,
    key: 't',
    group: 'Observe',
    body: loaded(() => import('@/pages/traces/page')),
  },
  {
    path: '/runs/:id?',
    title: 'Runs',
    href: to.runs(),
    icon: ListChecks,
    key: 'w',
    group: 'Observe',
    body: loaded(() => import('@/pages/workflow/page')),
  },
  {
    path: '/logs',
    title: 'Logs',
    href: to.logs(),
    icon: ScrollText,
    key: 'l',
    group: 'Observe',
    body: loaded(() => import('@/pages/logs/page')),
  },
  {
    path: '/errors',
    title: 'Errors',
    href: to.errors(),
    icon: Bug,
    key: 'x',
    group: 'Observe',
    body: loaded(() => import('@/pages/errors/page')),
  },
  {
    path: '/metrics',
    title: 'Metrics',
    href: to.metrics(),
    icon: ChartSpline,
    key: 'm',
    group: 'Observe',
    body: loaded(() => import('@/pages/metrics/page')),
  },
  {
    path: '/states',
    title: 'States',
    href: to.states(),
    icon: Database,
    key: 's',
    group: 'Data',
    body: loaded(() => import('@/pages/states/page')),
  },
  {
    path: '/streams',
    title: 'Streams',
    href: to.streams(),
    icon: Radio,
    key: 'r',
    group: 'Data',
    body: loaded(() => import('@/pages/streams/page')),
  },
]

export const PluginPage = loaded(() => import('@/pages/plugins/page'))
