/** Stacks of Python, JavaScript, Ruby and Go, told apart into the user's lines and all others. Pure. */

export type Frame = { text: string; own: boolean }

const FOREIGN =
  /site-packages|dist-packages|[/\\]lib[/\\]python|[/\\]motia[/\\](?!steps)|node_modules|node:|<frozen|[/\\]gems[/\\]|\/usr\/|GOROOT|\/go\/src\//
const PYTHON_FRAME = /^\s+File "([^"]+)", line \d+/
const OTHER_FRAME = /^\s*(?:at |from )|^\s+\S+:\d+|^\S+\.(?:rb|go):\d+/

/** What Python draws under a part of a line: it points nowhere once lines are folded. */
const CARETS = /^\s*[\^~]+\s*$/

/** Runs of lines that belong together: a frame with its source line, or what stands between frames. */
export function framesOf(stack: string): Frame[] {
  const frames: Frame[] = []
  let inside = false
  for (const line of stack.replace(/\n+$/, '').split('\n')) {
    if (CARETS.test(line)) continue
    const python = PYTHON_FRAME.exec(line)
    const last = frames.at(-1)
    if (python !== null || OTHER_FRAME.test(line)) {
      frames.push({ text: line, own: !FOREIGN.test(line) })
      inside = python !== null
    } else if (inside && line.startsWith('    ') && last !== undefined) {
      last.text += `\n${line}`
    } else {
      inside = false
      frames.push({ text: line, own: true })
    }
  }
  return frames
}

export type Run = { own: boolean; frames: Frame[] }

/** Neighbours of one kind together, so that the foreign ones can be folded. */
export function runsOf(frames: readonly Frame[]): Run[] {
  const runs: Run[] = []
  for (const frame of frames) {
    const last = runs.at(-1)
    if (last !== undefined && last.own === frame.own) last.frames.push(frame)
    else runs.push({ own: frame.own, frames: [frame] })
  }
  return runs
}
