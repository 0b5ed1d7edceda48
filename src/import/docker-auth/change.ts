/** What is not as it was, gathered for the report and for the comments of the new file. */

/** Something that is not as it was. */
export interface Change {
  /** less: Dockwarden gives less. later: the same today, and not for people who are added later. note: the same. */
  readonly kind: 'less' | 'later' | 'note'
  /** The rule of docker_auth, by its number, that decided where it differs. */
  readonly rule?: number
  /** The name of the user that it is about. */
  readonly user?: string
  readonly message: string
}

/** A change that gives less tells of every request that its rule decided. */
export function isAnnounced(
  direction: 'less' | 'more',
  rule: number | undefined,
  changes: readonly Change[],
): boolean {
  return (
    direction === 'less' && changes.some((change) => change.kind === 'less' && change.rule === rule)
  )
}

/** Gathers what is told of rules, each thing once. */
export class Changes {
  readonly #all: Change[] = []
  readonly #losses = new Map<
    string,
    { rule: number; to: number; who: string; words: readonly string[] }
  >()
  readonly #seen = new Set<string>()

  /** A rule loses a right to the deny that another one became. */
  lose(
    loss: { readonly rule: number; readonly to: number; readonly who: string },
    word: string,
  ): void {
    const key = JSON.stringify(loss)
    this.#losses.set(key, { ...loss, words: [...(this.#losses.get(key)?.words ?? []), word] })
  }

  get all(): readonly Change[] {
    const losses = [...this.#losses.values()].map(({ rule, to, who, words }): Change => {
      const message = `for ${who} the later rule ${to} became a deny (${words.join(', ')}), which also wins over what this rule gives`
      return { kind: 'less', rule, message }
    })
    return [...this.#all, ...losses]
  }

  add(kind: Change['kind'], rule: number, message: string): void {
    const key = `${rule} ${message}`
    if (this.#seen.has(key)) return
    this.#seen.add(key)
    this.#all.push({ kind, rule, message })
  }
}
