const FIRST_MS = 250;
const LONGEST_MS = 30_000;

/**
 * How long to wait before the attempt-th reconnect (from 0): doubling, at most 30 s, anywhere in the upper
 * half of it, so that the clients of a restarted server do not come back in one moment.
 */
export function backoffMs(attempt: number, random: number): number {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 16));
  return Math.round(ceiling * (0.5 + random / 2));
}
