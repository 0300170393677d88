/** What a form needs to know of a JSON Schema. Pure. */

import type { Json, Schema } from '@/api/types'

export type Field = {
  kind: 'text' | 'long' | 'number' | 'integer' | 'boolean' | 'choice' | 'object' | 'array' | 'json'
  description: string | undefined
  nullable: boolean
  choices: Json[]
  /** Of an object: its fields, in the order of the schema. */
  properties: { name: string; schema: Schema; required: boolean }[]
  /** Of an array: what its items are. */
  items: Schema
  hint: string
  /** What holds while nothing is given. */
  fallback: string
}

const MAX_REFERENCES = 20
const LONG_CHARS = 200

/** The schema behind references; loops end in a schema that says nothing. */
function resolve(schema: Schema, root: Schema): Schema {
  let found = schema
  for (let hops = 0; typeof found.$ref === 'string'; hops++) {
    if (hops >= MAX_REFERENCES || !found.$ref.startsWith('#/')) return {}
    let target: Json | undefined = root
    for (const part of found.$ref.slice(2).split('/')) {
      const name = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')
      target = isObject(target) ? target[name] : undefined
    }
    if (!isObject(target)) return {}
    const { $ref: _, ...beside } = found
    found = { ...target, ...beside }
  }
  return found
}

export const isObject = (value: Json | undefined): value is { [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** How to ask for a value of this schema. What no field can hold is asked for as JSON. */
export function fieldOf(given: Schema, root: Schema): Field {
  const schema = single(resolve(given, root), root)
  const types = Array.isArray(schema.type) ? schema.type : [schema.type]
  const type = types.find(name => name !== 'null')
  const text = (key: string) => (typeof schema[key] === 'string' ? schema[key] : undefined)
  const choices = Array.isArray(schema.enum) ? schema.enum : 'const' in schema ? [schema.const as Json] : []
  const properties = isObject(schema.properties) ? schema.properties : {}
  const required = Array.isArray(schema.required) ? schema.required : []
  return {
    kind: kindOf(schema, type, choices, Object.keys(properties).length > 0),
    description: text('description'),
    nullable: types.includes('null') || schema.nullable === true,
    choices: choices.filter(choice => choice !== null),
    properties: Object.entries(properties).map(([name, property]) => ({
      name,
      schema: isObject(property) ? property : {},
      required: required.includes(name),
    })),
    items: isObject(schema.items) ? schema.items : {},
    hint: hintOf(schema),
    fallback: fallbackOf(schema.default),
  }
}

const fallbackOf = (value: Json | undefined): string =>
  value === undefined || value === null || value === '' || typeof value === 'object'
    ? ''
    : `${value} (default)`

/** `X | null` is X that may be null; any other union stays as it is. */
function single(schema: Schema, root: Schema): Schema {
  const parts = [schema.anyOf, schema.oneOf, schema.allOf].find(Array.isArray)
  if (parts === undefined) return schema
  const some = parts.filter(isObject).filter(part => part.type !== 'null')
  const [only] = some
  if (some.length !== 1 || only === undefined) return schema
  return {
    ...resolve(only, root),
    ...schema,
    ...(parts.length > some.length ? { nullable: true } : {}),
    anyOf: null,
  }
}

function kindOf(schema: Schema, type: Json | undefined, choices: Json[], fields: boolean): Field['kind'] {
  if (choices.length > 0) return 'choice'
  if (type === 'string') return Number(schema.maxLength ?? 0) > LONG_CHARS ? 'long' : 'text'
  if (type === 'number' || type === 'integer' || type === 'boolean') return type
  if (type === 'array' && isObject(schema.items)) return 'array'
  if (fields) return 'object'
  return 'json'
}

function hintOf(schema: Schema): string {
  const parts: string[] = []
  const say = (key: string, sign: string) => {
    if (typeof schema[key] === 'number' || typeof schema[key] === 'string')
      parts.push(`${sign} ${schema[key]}`)
  }
  say('format', '')
  say('minimum', '≥')
  say('exclusiveMinimum', '>')
  say('maximum', '≤')
  say('exclusiveMaximum', '<')
  if (typeof schema.minLength === 'number') parts.push(`${schema.minLength}+ characters`)
  return parts.map(part => part.trim()).join(', ')
}

/** A first value to begin with: what the schema gives as default, else the smallest of its kind. */
export function blank(given: Schema, root: Schema): Json {
  const schema = resolve(given, root)
  if ('default' in schema) return schema.default as Json
  const field = fieldOf(given, root)
  if (field.nullable) return null
  switch (field.kind) {
    case 'choice':
      return field.choices[0] ?? null
    case 'number':
    case 'integer':
      return typeof schema.minimum === 'number' ? schema.minimum : 0
    case 'boolean':
      return false
    case 'array':
      return []
    case 'object':
      return Object.fromEntries(
        field.properties
          .filter(({ required }) => required)
          .map(part => [part.name, blank(part.schema, root)]),
      )
    case 'json':
      return null
    default:
      return ''
  }
}
