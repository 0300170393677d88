/** The shapes of the console API; docs/reference/console-api.md is their text. */

export type * from '@/api/types/json'
export type * from '@/api/types/project'
export type * from '@/api/types/running'
export type * from '@/api/types/queue'
export type * from '@/api/types/data'
export type * from '@/api/types/workflow'
export type * from '@/api/types/tracing'
export type * from '@/api/types/live'
