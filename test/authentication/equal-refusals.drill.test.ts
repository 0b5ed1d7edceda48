/** A8: nobody learns from the time of a refusal who exists. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import bcrypt from 'bcryptjs'
import { expect, test } from 'vitest'
import { AuthenticatorChain } from '../../src/authentication/chain.ts'
import { openHtpasswd } from '../../src/authentication/htpasswd/htpasswd-authenticator.ts'
import { PasswordVerifier } from '../../src/authentication/password/verifier.ts'
import { Password } from '../../src/protocol/credentials.ts'
import { noLimits } from './login.ts'

const log = { info() {}, warn() {}, error() {} }
const apr1 = '$apr1$saltsalt$J2IfVfZr4sJUOICwIcPGI1'
const sha512 =
  '$6$rounds=2000$salt$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjlO/O817G3uBnIFNjnQJuesI68OTLiBFdcbYEdFCoEOfaS35inz1.'
const wrong = 'wrong password'
const tooLong = 'A'.repeat(73)

type Users = Readonly<Record<string, string>>
type Classes = Readonly<Record<string, readonly [user: string, password: string]>>

/** Wall time of a refusal for each class, `count` times, in turns so that all of them see the same noise. */
async function sample(
  users: Users,
  classes: Classes,
  count: number,
): Promise<Map<string, number[]>> {
  const folder = await mkdtemp(join(tmpdir(), 'refusals-'))
  const file = join(folder, 'htpasswd')
  const lines = Object.entries(users).map(([user, hash]) => `${user}:${hash}\n`)
  await writeFile(file, lines.join(''))
  const passwords = new PasswordVerifier({ workers: 1, cacheSeconds: 0 })
  const backend = await openHtpasswd({ name: 'htpasswd', file, passwords, log })
  const chain = new AuthenticatorChain({
    backends: [backend],
    limits: noLimits,
    passwords,
    refusalMilliseconds: 0,
  })
  const times = new Map(Object.keys(classes).map((name) => [name, [] as number[]]))
  try {
    for (let turn = -3; turn < count; turn += 1) {
      for (const [name, [username, password]] of Object.entries(classes)) {
        const start = performance.now()
        const { kind } = await chain.authenticate(
          { username, password: new Password(password) },
          '192.0.2.1',
        )
        const time = performance.now() - start
        expect(kind).not.toBe('accepted')
        // The first ones warm up the compiler.
        if (turn >= 0) times.get(name)?.push(time)
      }
    }
  } finally {
    backend.close()
    await passwords.close()
    await rm(folder, { recursive: true })
  }
  return times
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((left, right) => left - right)[numbers.length >> 1] ?? Number.NaN
}

/** Bootstrap interval of the difference of the medians, 95 %. */
function interval(left: readonly number[], right: readonly number[]): readonly [number, number] {
  const draw = (numbers: readonly number[]) =>
    median(numbers.map(() => numbers[Math.floor(Math.random() * numbers.length)] ?? Number.NaN))
  const differences = Array.from({ length: 1000 }, () => draw(left) - draw(right))
  differences.sort((a, b) => a - b)
  return [differences[25] ?? Number.NaN, differences[975] ?? Number.NaN]
}

/** The classes whose refusals take another time than those of the first class, in words. */
function findUnequal(times: ReadonlyMap<string, readonly number[]>): string[] {
  const [reference, ...others] = [...times]
  if (reference === undefined) throw new Error('no classes')
  const bound = Math.max(0.05 * median(reference[1]), 2)
  return others.flatMap(([name, numbers]) => {
    const [low, high] = interval(numbers, reference[1])
    const isEqual = (low <= 0 && high >= 0) || (low > -bound && high < bound)
    const figures = [median(numbers), median(reference[1]), low, high].map((ms) => ms.toFixed(2))
    return isEqual
      ? []
      : [
          `${name} ${figures[0]} ms, ${reference[0]} ${figures[1]} ms, interval [${figures[2]}, ${figures[3]}]`,
        ]
  })
}

async function expectEqual(users: Users, classes: Classes): Promise<void> {
  // On a busy machine one interval of 95 % in twenty misses the truth; a real difference is found
  // every time.
  let unequal: string[] = []
  for (let attempt = 0; attempt < 3; attempt += 1) {
    unequal = findUnequal(await sample(users, classes, 60))
    if (unequal.length === 0) return
  }
  expect(unequal).toEqual([])
}

test('A8: with one kind of hash, an unknown name, a wrong password and one of 73 bytes take the same time', async () => {
  await expectEqual(
    { alice: bcrypt.hashSync('right', 10), bob: bcrypt.hashSync('right', 10) },
    { unknown: ['nobody', wrong], known: ['alice', wrong], 'too long': ['bob', tooLong] },
  )
}, 180_000)

test('A8: with mixed kinds and costs, every refusal takes the time of the dearest', async () => {
  await expectEqual(
    {
      cheap: bcrypt.hashSync('right', 5),
      dear: bcrypt.hashSync('right', 8),
      old: apr1,
      older: sha512,
      plain: 'plaintext',
    },
    {
      unknown: ['nobody', wrong],
      'bcrypt 5': ['cheap', wrong],
      'bcrypt 8': ['dear', wrong],
      'SHA-crypt': ['older', wrong],
      'an unusable hash': ['plain', 'plaintext'],
      'too long': ['cheap', tooLong],
    },
  )
}, 180_000)
