/** What may be the name of a service or the issuer, which stand in tokens and in the challenge. */

// Go's header writer and ours put it between quotes in the challenge, and clients into a URL.
export function isClaim(text: string): boolean {
  return /^[ -~]{1,255}$/.test(text) && !/["\\]/.test(text)
}
