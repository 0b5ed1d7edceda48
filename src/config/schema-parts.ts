/** What the sections of the schema are made of. */

import { z } from 'zod'
import { isClaim } from './claim.ts'
import { editorHints } from './editor-hints.ts'

/** A map of known keys. The message of an unknown key is the list of those, for the nearest of them. */
export function section<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: ({ code }) => (code === 'unrecognized_keys' ? Object.keys(shape).join(', ') : undefined),
  })
}

// Checks that look at several values also run where some of those have faults, so that all are told
// at once. They must then take nothing for granted of what is within.
export const onMaps = {
  when: ({ value }: { value: unknown }) => isObject(value) && !Array.isArray(value),
}
export const onLists = { when: ({ value }: { value: unknown }) => Array.isArray(value) }

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

export const text = z
  .string()
  .max(1_000, 'is longer than 1,000 characters; nothing here is')
  .refine((value) => value.trim() !== '', { error: 'is empty; give it a value', abort: true })
  .refine(
    (value) => !/^\s|\s$|\p{Cc}/u.test(value),
    'holds a control character, or a space at an end; remove it',
  )

/** A list, or its only element without the brackets. */
export function oneOrMore<Element extends z.ZodType>(element: Element) {
  return z.union([
    z.array(element).min(1, 'is an empty list; name at least one, or remove the key'),
    element.transform((only) => [only]),
  ])
}

/** Refuses the second of two that bear one name. */
export function refuseTwins(
  ctx: z.core.$RefinementCtx,
  names: readonly (string | undefined)[],
  pathOf: (index: number) => readonly (string | number)[],
  what: string,
): void {
  const seen = new Set<string>()
  for (const [index, name] of names.entries()) {
    if (name === undefined) continue
    if (seen.has(name)) {
      const message = `another ${what} is named "${name}"; give this one a name of its own`
      ctx.addIssue({ code: 'custom', path: [...pathOf(index)], message })
    }
    seen.add(name)
  }
}

// It names a part in logs and in /readyz.
export const backendName = text
  .refine(
    (value) => /^[a-z0-9][a-z0-9._-]{0,63}$/i.test(value),
    'must be a short name of letters, digits, ".", "_" and "-"',
  )
  .meta(editorHints.backendName)

export const claim = text
  .refine(isClaim, 'must be at most 255 printable ASCII characters, without quotes and backslashes')
  .meta(editorHints.claim)

export const memberName = text
  .refine(
    (value) => !/[:*]|^.{256}/s.test(value),
    'must be at most 255 characters, without ":" and "*"; write the bare name, as in alice',
  )
  .meta(editorHints.member)
