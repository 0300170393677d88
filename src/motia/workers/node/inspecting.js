// `--inspect`: the worker that takes over after a save takes over the debugger's port, too.
import { open, url } from 'node:inspector'
import { connect } from 'node:net'

const AGAIN_MS = 250

/** Open the inspector that NODE_OPTIONS asks for as soon as its port is free: until then the worker before this one
 * has it. Without such an option nothing happens. */
export function takeOverInspector() {
  const asked = /--inspect(?:-brk|-wait)?(?:=(\S+))?(?:\s|$)/.exec(process.env.NODE_OPTIONS ?? '')
  if (asked === null || url() !== undefined) return
  const [, host = '127.0.0.1', port = '9229'] = /^(?:(.*):)?(\d+)?$/.exec(asked[1] ?? '') ?? []
  const look = () => {
    const probe = connect({ host, port: Number(port) })
    const again = () => setTimeout(look, AGAIN_MS).unref()
    probe.once('connect', () => {
      probe.destroy()
      again()
    })
    probe.once('error', () => {
      open(Number(port), host)
      if (url() === undefined) again()
    })
  }
  look()
}
