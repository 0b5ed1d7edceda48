/** The forms in which a secret could be met again. */

export function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret)
  // Base64 of a text that has the secret somewhere in it: three ways to fall onto groups of three.
  const inside = [0, 1, 2].map((shift) =>
    Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .slice(shift === 0 ? 0 : 4, -4),
  )
  return [
    secret,
    encodeURIComponent(secret),
    bytes.toString('hex'),
    bytes.toString('latin1'),
    ...inside,
  ]
}
