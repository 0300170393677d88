// Where `logger` writes when no step is running: at the top of a file, or in a test.

/** @param {'debug' | 'info' | 'warn' | 'error'} level */
const line = (level) => (/** @type {unknown[]} */ ...args) => console[level](...args)

export const consoleLogger = Object.freeze({
  debug: line('debug'),
  info: line('info'),
  warn: line('warn'),
  warning: line('warn'),
  error: line('error'),
})
