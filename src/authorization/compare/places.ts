/** Addresses of which each stands for all that no network of a rule tells from it. */

import { addressAt, networkSize, parseNetwork } from '../../network.ts'
import { conditionTest } from '../conditions.ts'

export interface Place {
  readonly address: string
  /** The innermost of the networks that it is in. */
  readonly label: string
}

/** For documentation (RFC 5737, RFC 3849): no rule means them in particular, but one of each kind may be in none. */
const addressesOfNoNetwork = ['192.0.2.1', '2001:db8::1']

/**
 * Networks lie within each other or apart, so each piece that they cut holds the first address of some
 * network, or the one behind the last address of some; behind the last of all is the first of all.
 */
export function placesOf(networks: readonly string[]): readonly Place[] {
  const known = [...new Set(networks)]
    .flatMap((text) => {
      const network = parseNetwork(text)
      if (network === undefined) return []
      const size = networkSize(network)
      const edges = [addressAt(network, 0n), addressAt(network, size)]
      return [{ text, size, edges, contains: conditionTest({ network: [text] }) }]
    })
    .sort((a, b) => (a.size < b.size ? -1 : 1))
  const candidates = [...addressesOfNoNetwork, ...known.flatMap(({ edges }) => edges)]
  const places = new Map<string, Place>()
  for (const address of candidates) {
    const within = known.filter(
      ({ contains }) => contains({ service: '', address, time: new Date(0) }).length === 0,
    )
    const signature = within.map(({ text }) => text).join()
    if (places.has(signature)) continue
    places.set(signature, { address, label: within[0]?.text ?? 'elsewhere' })
  }
  // First what no rule means in particular, if there is such an address.
  return [...places].sort(([a], [b]) => a.length - b.length).map(([, place]) => place)
}
