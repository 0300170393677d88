// What the Node worker needs of sucrase, in one file. Bundled by scripts/vendor_sucrase.py.
//
// Three things are asked beyond `transform`: which static imports are left once those used only as types
// are gone, calls of our own for them (a `require` that the author wrote must stay lazy), and `import()`
// and `import.meta` as names, because the result runs as a function and not as a module.
import { transform } from 'sucrase/dist/esm/index.js'
import CJSImportProcessor from 'sucrase/dist/esm/CJSImportProcessor.js'
import CJSImportTransformer from 'sucrase/dist/esm/transformers/CJSImportTransformer.js'
import { parse } from 'sucrase/dist/esm/parser/index.js'
import { TokenType } from 'sucrase/dist/esm/parser/tokenizer/types.js'

let imports = []

const claim = CJSImportProcessor.prototype.claimImportCode
CJSImportProcessor.prototype.claimImportCode = function claimImportCode(path) {
  const code = claim.call(this, path)
  if (code !== '') imports.push(path)
  return code.replace(`require('${path}')`, `__import('${path}')`)
}

// `export const { a, b } = f()` becomes an expression in parentheses: without a semicolon before it, it
// would call what the line above ends with.
const exportPattern = CJSImportTransformer.prototype.processComplexExportVar
CJSImportTransformer.prototype.processComplexExportVar = function processComplexExportVar() {
  this.tokens.appendCode(';')
  exportPattern.call(this)
}

/** Code as the body of a function, lines where they were, and the paths it imports in order. */
export function toFunctionBody(source, { typescript, jsx }) {
  imports = []
  const transforms = ['imports', ...(typescript ? ['typescript'] : []), ...(jsx ? ['jsx'] : [])]
  const { code } = transform(source, {
    transforms,
    disableESTransforms: true,
    preserveDynamicImport: true,
    jsxRuntime: 'automatic',
    production: true,
  })
  return { code: /\bimport\b/.test(code) ? withoutImportKeyword(code) : code, imports }
}

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
