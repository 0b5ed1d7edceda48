/** Who a question about rights is about, as one word says it. */

/** A user or a robot by its name, or nobody who is signed in. */
export type AskedName =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'user' | 'robot'; readonly name: string }

/**
 * A user's bare name, `user:NAME`, `robot:NAME`, or `anonymous`. Who is called as a word of
 * rules is meant by `user:authenticated`: the bare word means everybody who is signed in.
 *
 * @returns `many` where the word stands for more than one, undefined where it names nobody
 */
export function parseAsker(word: string): AskedName | 'many' | undefined {
  if (word === 'anonymous') return { kind: 'anonymous' }
  if (word === 'authenticated' || word === 'anyone') return 'many'
  const [, kind = 'user', name] = /^(?:(user|robot):)?([^\s:*][^:*]*)$/.exec(word) ?? []
  if (name === undefined) return undefined
  return { kind: kind === 'robot' ? 'robot' : 'user', name }
}
