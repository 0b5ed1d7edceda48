/** An option that may be given several times, for commander. */

/** @returns every value so far; with `[]` as the option's default, none where it is not given */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}
