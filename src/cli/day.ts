/** A date where its time of day says nothing. */

/** In UTC, as `2027-01-31`. */
export function day(date: Date): string {
  return date.toISOString().slice(0, 10)
}
