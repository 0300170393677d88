#!/usr/bin/env node
// `npx motia …`: runs the command of the Python package motia-steps.
import { spawn, spawnSync } from 'node:child_process'
import { accessSync, constants, realpathSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SELF = realpathSync(fileURLToPath(import.meta.url))
// Asked before anything is begun: npm may be gone a moment later.
const NPM = process.env.npm_lifecycle_event ? process.ppid : null

/** @param {string} path */
function isProgram(path) {
  try {
    accessSync(path, constants.X_OK)
    return realpathSync(path) !== SELF
  } catch {
    return false
  }
}

/** The command, and the arguments before those of the user. @returns {string[] | null} */
function findCommand() {
  if (process.env.MOTIA_BIN) return [process.env.MOTIA_BIN]
  for (let folder = process.cwd(); ; folder = dirname(folder)) {
    for (const name of ['.venv', 'venv', 'python_modules']) {
      const path = join(folder, name, 'bin', 'motia')
      if (isProgram(path)) return [path]
    }
    if (folder === dirname(folder)) break
  }
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    // Other packages of this name put their own command there.
    if (folder.endsWith(join('node_modules', '.bin'))) continue
    const path = join(folder, 'motia')
    if (isProgram(path)) return [path]
  }
  const python = spawnSync('python3', ['-c', 'import motia.cli.main'], { stdio: 'ignore' })
  return python.status === 0 ? ['python3', '-m', 'motia.cli.main'] : null
}

const command = findCommand()
if (command === null) {
  process.stderr.write(
    'error: expected the command of motia-steps, got none on the PATH or in .venv\n' +
      '  hint: python3 -m venv .venv && .venv/bin/pip install motia-steps\n',
  )
  process.exit(1)
}
const [program, ...first] = command
// To the command every MOTIA_ is a setting, and this is none.
delete process.env.MOTIA_BIN
const child = spawn(program, [...first, ...process.argv.slice(2)], { stdio: 'inherit' })
// Ctrl+C reaches the child by itself, as part of the terminal's group; other signals come only here.
process.on('SIGINT', () => undefined)
for (const signal of /** @type {NodeJS.Signals[]} */ (['SIGTERM', 'SIGHUP'])) process.on(signal, () => child.kill(signal))
// npm ends at a signal without passing it on: whoever stops it means the application, too.
if (NPM !== null) {
  const watch = setInterval(() => {
    if (process.ppid === NPM) return
    clearInterval(watch)
    child.kill('SIGTERM')
  }, 500)
}
child.on('error', (error) => {
  process.stderr.write(`error: ${program}: ${error.message}\n`)
  process.exit(1)
})
child.on('exit', (code, signal) => {
  if (signal === null) process.exit(code ?? 1)
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
})
