/** What may be said of times that were measured on a noisy machine. */

import { expect } from 'vitest'
import { percentile } from './load.ts'

/** Where a figure of two samples lies with 95 % certainty: the bootstrap. */
export function interval(
  one: readonly number[],
  other: readonly number[],
  figure: (one: readonly number[], other: readonly number[]) => number,
): readonly [low: number, high: number] {
  const resample = (values: readonly number[]) =>
    values.map(() => values[Math.floor(Math.random() * values.length)] ?? Number.NaN)
  const figures = Array.from({ length: 2_000 }, () => figure(resample(one), resample(other)))
  return [percentile(figures, 0.025), percentile(figures, 0.975)]
}

export function medianDifference(one: readonly number[], other: readonly number[]): number {
  return percentile(one, 0.5) - percentile(other, 0.5)
}

/**
 * Measures until nothing is to be complained of, three times at most: what another program of this
 * machine does comes and goes, and a real fault is there every time.
 */
export async function expectAtBest(measure: () => Promise<readonly string[]>): Promise<void> {
  let complaints: readonly string[] = []
  for (let attempt = 0; attempt < 3; attempt += 1) {
    complaints = await measure()
    if (complaints.length === 0) return
  }
  expect(complaints).toEqual([])
}
