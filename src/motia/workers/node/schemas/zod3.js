// Zod 3 has no JSON Schema of its own: the input side of what its schemas say, as far as JSON Schema goes.

/** @typedef {Record<string, any>} JsonSchema */

const MAX_DEPTH = 32
const STRING_FORMATS = /** @type {Record<string, string>} */ ({
  email: 'email',
  url: 'uri',
  uuid: 'uuid',
  datetime: 'date-time',
  date: 'date',
  time: 'time',
})

/** Converters by Zod's name of the type. What is missing is anything.
 * @type {Record<string, (def: any, inner: (schema: any) => JsonSchema) => JsonSchema>} */
const CONVERTERS = {
  ZodString: (def) => ({ type: 'string', ...stringChecks(def.checks ?? []) }),
  ZodNumber: (def) => numberChecks(def.checks ?? []),
  ZodBoolean: () => ({ type: 'boolean' }),
  ZodDate: () => ({ type: 'string', format: 'date-time' }),
  ZodNull: () => ({ type: 'null' }),
  ZodLiteral: (def) => ({ const: def.value }),
  ZodEnum: (def) => ({ type: 'string', enum: def.values }),
  ZodNativeEnum: (def) => ({ enum: enumValues(def.values) }),
  ZodArray: (def, inner) => ({
    type: 'array',
    items: inner(def.type),
    ...bound('minItems', def.minLength ?? def.exactLength),
    ...bound('maxItems', def.maxLength ?? def.exactLength),
  }),
  ZodSet: (def, inner) => ({ type: 'array', items: inner(def.valueType), uniqueItems: true }),
  ZodTuple: (def, inner) => ({ type: 'array', prefixItems: def.items.map(inner), ...(def.rest && { items: inner(def.rest) }) }),
  ZodObject: objectSchema,
  ZodRecord: (def, inner) => ({ type: 'object', additionalProperties: inner(def.valueType) }),
  ZodUnion: (def, inner) => ({ anyOf: def.options.map(inner) }),
  ZodDiscriminatedUnion: (def, inner) => ({ anyOf: [...def.options.values()].map(inner) }),
  ZodIntersection: (def, inner) => ({ allOf: [inner(def.left), inner(def.right)] }),
  ZodNullable: (def, inner) => ({ anyOf: [inner(def.innerType), { type: 'null' }] }),
  ZodOptional: (def, inner) => inner(def.innerType),
  ZodDefault: (def, inner) => ({ ...inner(def.innerType), default: plain(def.defaultValue()) }),
  ZodCatch: () => ({}),
  ZodReadonly: (def, inner) => inner(def.innerType),
  ZodBranded: (def, inner) => inner(def.type),
  ZodEffects: (def, inner) => (def.effect?.type === 'preprocess' ? {} : inner(def.schema)),
  ZodPipeline: (def, inner) => inner(def.in),
  ZodLazy: (def, inner) => inner(def.getter()),
  ZodNever: () => ({ not: {} }),
}

/** @param {any} schema @returns {JsonSchema} */
export function fromZod3(schema) {
  return convert(schema, 0)
}

/** @param {any} schema @param {number} depth @returns {JsonSchema} */
function convert(schema, depth) {
  const def = schema?._def
  // A lazy schema may hold itself.
  if (def === undefined || depth > MAX_DEPTH) return {}
  const found = CONVERTERS[def.typeName]?.(def, (inner) => convert(inner, depth + 1)) ?? {}
  return def.description ? { ...found, description: def.description } : found
}

/** @param {any} def @param {(schema: any) => JsonSchema} inner @returns {JsonSchema} */
function objectSchema(def, inner) {
  const shape = Object.entries(def.shape())
  const required = shape.filter(([, schema]) => !(/** @type {any} */ (schema).isOptional())).map(([name]) => name)
  return {
    type: 'object',
    properties: Object.fromEntries(shape.map(([name, schema]) => [name, inner(schema)])),
    ...(required.length > 0 && { required }),
    ...(def.unknownKeys === 'strict' && { additionalProperties: false }),
  }
}

/** @param {{kind: string, value?: any, regex?: RegExp}[]} checks */
function stringChecks(checks) {
  /** @type {JsonSchema} */
  const found = {}
  for (const { kind, value, regex } of checks) {
    if (kind === 'min' || kind === 'length') found.minLength = value
    if (kind === 'max' || kind === 'length') found.maxLength = value
    if (kind === 'regex') found.pattern = regex?.source
    if (kind in STRING_FORMATS) found.format = STRING_FORMATS[kind]
  }
  return found
}

/** @param {{kind: string, value?: any, inclusive?: boolean}[]} checks */
function numberChecks(checks) {
  /** @type {JsonSchema} */
  const found = { type: checks.some(({ kind }) => kind === 'int') ? 'integer' : 'number' }
  for (const { kind, value, inclusive } of checks) {
    if (kind === 'min') found[inclusive ? 'minimum' : 'exclusiveMinimum'] = value
    if (kind === 'max') found[inclusive ? 'maximum' : 'exclusiveMaximum'] = value
    if (kind === 'multipleOf') found.multipleOf = value
  }
  return found
}

/** Members of a TypeScript enum; a numeric one also maps its values back to their names.
 * @param {Record<string, string | number>} values */
function enumValues(values) {
  return Object.keys(values)
    .filter((key) => typeof values[values[key]] !== 'number')
    .map((key) => values[key])
}

/** @param {string} keyword @param {{value: number} | null | undefined} check */
function bound(keyword, check) {
  return check ? { [keyword]: check.value } : {}
}

/** @param {unknown} value */
function plain(value) {
  return value === undefined ? null : JSON.parse(JSON.stringify(value))
}
