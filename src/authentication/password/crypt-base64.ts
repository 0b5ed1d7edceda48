/** The base64 of the crypt(3) family: another alphabet, low bits first, bytes in an order of their own. */

const alphabet = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** @param order indexes into the digest, three for each four characters, the lowest byte first */
export function encodeCryptBase64(digest: Uint8Array, order: readonly number[]): string {
  let text = ''
  for (let start = 0; start < order.length; start += 3) {
    const group = order.slice(start, start + 3)
    let bits = 0
    for (const [place, index] of group.entries()) bits |= (digest[index] ?? 0) << (8 * place)
    for (let left = group.length; left >= 0; left -= 1) {
      text += alphabet[bits & 63]
      bits >>= 6
    }
  }
  return text
}
