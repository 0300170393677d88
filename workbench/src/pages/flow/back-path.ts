/** The line of an edge that leads back. Pure. */

import { STEP_HEIGHT } from '@/pages/flow/layout'

type Ends = { sourceX: number; sourceY: number; targetX: number; targetY: number }

const BELOW_PX = STEP_HEIGHT / 2 + 16
const TURN_PX = 36

/**
 * An SVG path that goes round below both nodes, with the middle of its way back; null where the target is to the
 * right. A curve from end to end would run through what lies between, and hide behind its own nodes.
 */
export function backPath({ sourceX, sourceY, targetX, targetY }: Ends): [string, number, number] | null {
  if (targetX >= sourceX) return null
  const y = Math.max(sourceY, targetY) + BELOW_PX
  const right = sourceX + TURN_PX
  const left = targetX - TURN_PX
  const path =
    `M${sourceX},${sourceY} C${right},${sourceY} ${right},${y} ${sourceX},${y} ` +
    `L${targetX},${y} C${left},${y} ${left},${targetY} ${targetX},${targetY}`
  return [path, (sourceX + targetX) / 2, y]
}
