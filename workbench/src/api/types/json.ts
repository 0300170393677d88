/** What all shapes are made of. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

export type Schema = { [key: string]: Json }

export type List<T> = { items: T[]; next: string | null; total?: number }

export type Language = 'python' | 'typescript' | 'javascript' | 'ruby' | 'go'

export type Kind = 'http' | 'queue' | 'cron' | 'state' | 'stream' | 'at' | 'manual'

export type Status = 'running' | 'ok' | 'refused' | 'cancelled' | 'timeout' | 'error' | 'crashed'
