// What the Node worker needs of sucrase, in one file. Bundled by scripts/vendor_sucrase.py.
//
// Four things are asked beyond `transform`: which static imports are left once those used only as types
// are gone; calls of our own for them (a `require` that the author wrote must stay lazy), with the names that
// must be there; the names that are exported, which a module has from its beginning; and `import()` and
// `import.meta` as names, because the result runs as a function and not as a module.
import { transform } from 'sucrase/dist/esm/index.js'
import CJSImportProcessor from 'sucrase/dist/esm/CJSImportProcessor.js'
import CJSImportTransformer from 'sucrase/dist/esm/transformers/CJSImportTransformer.js'
import { parse } from 'sucrase/dist/esm/parser/index.js'
import { IdentifierRole } from 'sucrase/dist/esm/parser/tokenizer/index.js'
import { TokenType } from 'sucrase/dist/esm/parser/tokenizer/types.js'

let imports = []
/** Names that are exported, but for the default and those passed on. */
let exported = []
/** Imported names that TypeScript code uses as values, other than to export them: those may be types still. */
let used

/** `export const a = 1, b = 2` would export `a` alone. */
class SeveralExports extends Error {
  constructor(commas) {
    super('several variables in one export')
    this.commas = commas
  }
}

const preprocess = CJSImportProcessor.prototype.preprocessTokens
CJSImportProcessor.prototype.preprocessTokens = function preprocessTokens() {
  const commas = commasBetweenExports(this.tokens.tokens)
  if (commas.length > 0) throw new SeveralExports(commas)
  preprocess.call(this)
  const variables = [...this.identifierReplacements].filter(([name, code]) => code === `exports.${name}`)
  const others = [...this.exportBindingsByLocalName.values()].flat()
  // A generator is noted as `*`: it is exported when the module runs.
  exported = [...variables.map(([name]) => name), ...others].filter((name) => name !== '*')
}

const prune = CJSImportProcessor.prototype.pruneTypeOnlyImports
CJSImportProcessor.prototype.pruneTypeOnlyImports = function pruneTypeOnlyImports() {
  prune.call(this)
  const { tokens } = this.tokens
  const isUse = ({ type, isType, shadowsGlobal, identifierRole: role }, index) =>
    type === TokenType.name &&
    !isType &&
    !shadowsGlobal &&
    (role === IdentifierRole.Access || role === IdentifierRole.ObjectShorthand) &&
    tokens[index - 1]?.type !== TokenType._default
  used = new Set(tokens.filter(isUse).map((token) => this.tokens.identifierNameForToken(token)))
}

const claim = CJSImportProcessor.prototype.claimImportCode
CJSImportProcessor.prototype.claimImportCode = function claimImportCode(path) {
  const code = claim.call(this, path)
  if (code === '') return code
  imports.push(path)
  const names = needed(this.importInfoByPath.get(path))
  return code.replace(`require('${path}')`, () => `__import('${path}'${names.length > 0 ? `, ${JSON.stringify(names)}` : ''})`)
}

/** The names that the file cannot do without. */
function needed({ defaultNames, namedImports, namedExports }) {
  const isUsed = (name) => used === undefined || used.has(name)
  return [
    ...(defaultNames.some(isUsed) ? ['default'] : []),
    ...namedImports.filter(({ localName }) => isUsed(localName)).map(({ importedName }) => importedName),
    ...(used === undefined ? namedExports.map(({ importedName }) => importedName) : []),
  ]
}

// `export const { a, b } = f()` becomes an expression in parentheses: without a semicolon before it, it
// would call what the line above ends with.
const exportPattern = CJSImportTransformer.prototype.processComplexExportVar
CJSImportTransformer.prototype.processComplexExportVar = function processComplexExportVar() {
  this.tokens.appendCode(';')
  exportPattern.call(this)
}

/** The commas between the variables of one `export`: the word that declares them, and where the comma is. */
function commasBetweenExports(tokens) {
  const commas = []
  tokens.forEach(({ type }, index) => {
    const word = DECLARING.get(tokens[index + 1]?.type)
    if (type !== TokenType._export || word === undefined) return
    for (let at = index + 2; ; at++) {
      at = afterVariable(tokens, at)
      if (tokens[at]?.type !== TokenType.comma) return
      commas.push({ word, start: tokens[at].start })
    }
  })
  return commas
}

const DECLARING = new Map([
  [TokenType._const, 'const'],
  [TokenType._let, 'let'],
  [TokenType._var, 'var'],
])

/** The token after a variable, its type and its value. */
function afterVariable(tokens, at) {
  for (let depth = 0; at < tokens.length; at++) {
    const { type, isType, rhsEndIndex } = tokens[at]
    if (type === TokenType.braceL || type === TokenType.bracketL) depth++
    else if (type === TokenType.braceR || type === TokenType.bracketR) depth--
    else if (depth === 0 && type === TokenType.eq && !isType) return rhsEndIndex
    else if (depth === 0 && type !== TokenType.name && !isType) return at
  }
  return at
}

/** Code as the body of a function, lines where they were; the paths it imports, in order; and what it exports, by
 * name: null if it is no module. */
export function toFunctionBody(source, options) {
  try {
    return transformed(source, options)
  } catch (error) {
    if (!(error instanceof SeveralExports)) throw error
    let apart = ''
    let done = 0
    for (const { word, start } of error.commas) {
      apart += `${source.slice(done, start)};export ${word} `
      done = start + 1
    }
    return transformed(apart + source.slice(done), options)
  }
}

function transformed(source, { typescript, jsx }) {
  imports = []
  exported = []
  used = undefined
  const transforms = ['imports', ...(typescript ? ['typescript'] : []), ...(jsx ? ['jsx'] : [])]
  const { code } = transform(source, {
    transforms,
    disableESTransforms: true,
    preserveDynamicImport: true,
    jsxRuntime: 'automatic',
    production: true,
  })
  return {
    code: /\bimport\b/.test(code) ? withoutImportKeyword(code) : code,
    imports,
    exports: MODULE.test(code) ? exported : null,
  }
}

/** How sucrase begins what had an `export`. */
const MODULE = /^"use strict";Object\.defineProperty\(exports, "__esModule"/

function withoutImportKeyword(code) {
  const { tokens } = parse(code, false, false, false)
  let result = ''
  let done = 0
  tokens.forEach((token, index) => {
    const next = tokens[index + 1]
    if (token.type === TokenType._import && next.type === TokenType.parenL) {
      result += code.slice(done, token.start) + '__dynamicImport'
      done = token.end
    } else if (isImportMeta(code, tokens, index)) {
      result += code.slice(done, token.start) + '__meta'
      done = tokens[index + 2].end
    }
  })
  return result + code.slice(done)
}

function isImportMeta(code, tokens, index) {
  const { type, start, end } = tokens[index]
  return (
    type === TokenType.name &&
    code.slice(start, end) === 'import' &&
    tokens[index + 1].type === TokenType.dot &&
    tokens[index - 1]?.type !== TokenType.dot
  )
}
