/** How what was counted is forgotten as time passes. Pure; all times are milliseconds. */

export interface Fall {
  /** Nothing is forgotten while a check is in flight, and time counts from the end of the last one. */
  readonly needsQuiet: boolean
  /** What is left of an amount so long after something was last added to it. */
  left(amount: number, elapsed: number): number
  /** How long after the last addition no more than `rest` is left. */
  timeTo(rest: number, amount: number): number
}

/** As water from a bucket with a hole: evenly, so that there is never long to wait for room for one more. */
export function leaking(perMinute: number): Fall {
  const perMillisecond = perMinute / 60_000
  return {
    needsQuiet: false,
    left: (amount, elapsed) => Math.max(0, amount - elapsed * perMillisecond),
    timeTo: (rest, amount) => Math.max(0, amount - rest) / perMillisecond,
  }
}

/** All at once, when nothing was added for a while: as a directory counts towards its lock-out. */
export function untilQuiet(milliseconds: number): Fall {
  return {
    needsQuiet: true,
    left: (amount, elapsed) => (elapsed >= milliseconds ? 0 : amount),
    timeTo: (rest, amount) => (amount <= rest ? 0 : milliseconds),
  }
}
