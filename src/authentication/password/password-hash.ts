/** Reads what kind of hash a stored password hash is, and how much work one verification of it is. */

export type HashKind = 'bcrypt' | 'apr1' | 'sha1' | 'sha256-crypt' | 'sha512-crypt'

export interface PasswordHash {
  readonly kind: HashKind
  /** bcrypt: the cost, a power of two; SHA-crypt: the rounds; the others: 1. */
  readonly effort: number
}

export interface UnusableHash {
  readonly kind: 'unusable'
  /** Why, for whoever keeps the hash; it quotes nothing of it. */
  readonly reason: string
}

// Both bounds keep one line of a file from costing minutes of CPU at every login.
const maximumCost = 14
const maximumRounds = 1_000_000
/** Below this cost a bcrypt hash is too cheap to guess against (OWASP, Password Storage). */
const advisedCost = 10
/** What SHA-crypt does when the hash does not say. */
const defaultRounds = 5000

const bcryptPattern = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/
const apr1Pattern = /^\$apr1\$[./0-9A-Za-z]{0,8}\$[./0-9A-Za-z]{22}$/
const sha1Pattern = /^\{SHA\}[+/0-9A-Za-z]{27}=$/
const shaCryptPattern =
  /^\$(?:(5)|6)\$(?:rounds=([1-9]\d{0,8})\$)?[./0-9A-Za-z]{0,16}\$(?:[./0-9A-Za-z]{43}|[./0-9A-Za-z]{86})$/
const desPattern = /^[./0-9A-Za-z]{13}$/

/** Total: whatever is not a hash that we verify is unusable, and is never compared as plain text. */
export function readPasswordHash(text: string): PasswordHash | UnusableHash {
  if (text.startsWith('$2')) return readBcrypt(text)
  if (text.startsWith('$5$') || text.startsWith('$6$')) return readShaCrypt(text)
  if (apr1Pattern.test(text)) return { kind: 'apr1', effort: 1 }
  if (sha1Pattern.test(text)) return { kind: 'sha1', effort: 1 }
  if (text === '') return unusable('there is no hash')
  if (/^\$apr1\$|^\{SHA\}/.test(text)) return unusable('the hash is cut or damaged')
  if (desPattern.test(text)) {
    return unusable('it looks like DES crypt, which reads only 8 characters of a password')
  }
  return unusable('it is plain text or a hash of an unknown kind')
}

/** Whether whoever has got hold of the hash tries passwords against it too quickly. */
export function isWeak({ kind, effort }: PasswordHash): boolean {
  return kind !== 'bcrypt' || effort < advisedCost
}

function readBcrypt(text: string): PasswordHash | UnusableHash {
  // $2x$ marks hashes of a broken implementation, $2$ those of one that nobody has had since 1999.
  if (!/^\$2[aby]\$/.test(text)) return unusable('only $2a$, $2b$ and $2y$ of bcrypt are supported')
  const digits = bcryptPattern.exec(text)?.[1]
  if (digits === undefined) return unusable('the bcrypt hash is cut or damaged')
  const cost = Number(digits)
  if (cost < 4) return unusable(`bcrypt has no cost ${cost}; the lowest is 4`)
  if (cost > maximumCost) {
    return unusable(
      `its bcrypt cost ${cost} is above ${maximumCost}: each login would keep a CPU busy for too long`,
    )
  }
  return { kind: 'bcrypt', effort: cost }
}

function readShaCrypt(text: string): PasswordHash | UnusableHash {
  const match = shaCryptPattern.exec(text)
  const digestLength = text.length - text.lastIndexOf('$') - 1
  const isSha256 = match?.[1] !== undefined
  if (match === null || digestLength !== (isSha256 ? 43 : 86)) {
    return unusable('the SHA-crypt hash is cut or damaged')
  }
  const rounds = match[2] === undefined ? defaultRounds : Number(match[2])
  if (rounds < 1000) return unusable(`SHA-crypt has no ${rounds} rounds; the lowest is 1000`)
  if (rounds > maximumRounds) {
    return unusable(
      `its ${rounds} rounds are above ${maximumRounds}: each login would keep a CPU busy for too long`,
    )
  }
  return { kind: isSha256 ? 'sha256-crypt' : 'sha512-crypt', effort: rounds }
}

function unusable(reason: string): UnusableHash {
  return { kind: 'unusable', reason }
}
