/** A8: how long a refusal takes does not tell whose name the directory knows, however far away it is. */

import { setTimeout as sleep } from 'node:timers/promises'
import bcrypt from 'bcryptjs'
import { expect, test } from 'vitest'
import { personLdif, suffix } from '../support/directory-entries.ts'
import { startLdapProxy } from '../support/ldap-proxy.ts'
import { describeWithParts } from '../support/parts.ts'
import { startSlapd } from '../support/slapd.ts'
import { logIn, openldap, startWith } from './directories.ts'
import { percentile } from './load.ts'
import { expectRefusal } from './refusal.ts'
import { expectAtBest, interval, medianDifference } from './statistics.ts'

const rounds = 30
const attempts = 3

describeWithParts('a far directory', ['slapd', 'ldapmodify', 'ldapsearch', 'openssl'], () => {
  test('A8: with a directory in the chain, every refusal takes the same time', {
    timeout: 180_000,
  }, async () => {
    // Nobody is tried twice: what limits say of a second try is no part of this.
    const turns = Array.from({ length: rounds * attempts }, (_, turn) => turn)
    const dnOf = (name: string) => `uid=${name},ou=people,${suffix}`
    const peopleOf = (kind: string) =>
      turns.map((turn) => personLdif(`${kind}-${turn}`, dnOf(`${kind}-${turn}`))).join('')
    await using slapd = await startSlapd({
      policy: { pwdMaxFailure: 5 },
      ldif: `${peopleOf('active')}${peopleOf('disabled')}`,
    })
    const disable = turns.map(
      (turn) =>
        `dn: ${dnOf(`disabled-${turn}`)}\nchangetype: modify\nadd: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z\n\n`,
    )
    await slapd.modify(disable.join(''))
    await using proxy = await startLdapProxy(slapd.ldapsPort)
    proxy.fault = { kind: 'delay', milliseconds: 25 }
    const hash = bcrypt.hashSync('of nobody', 10)
    await using server = await startWith(
      [
        { htpasswd: { file: 'htpasswd' } },
        'accounts',
        openldap(proxy.ldapsUrl, slapd.caFile, { max_concurrent: 64 }),
      ],
      { htpasswd: turns.map((turn) => `listed-${turn}:${hash}\n`).join('') },
    )
    // What the wait has to hide.
    const right = await logIn(server, { user: 'alice', password: 'the password of alice' })
    expect(right.status).toBe(200)
    expect(right.duration).toBeGreaterThan(100)

    const kinds = ['unknown', 'active', 'disabled', 'listed'] as const
    await expectAtBest(async () => {
      const times = new Map(kinds.map((kind) => [kind as string, [] as number[]]))
      for (let round = 0; round < rounds; round += 1) {
        const turn = turns.shift()
        // Side by side, and each of them first as often as the others.
        const order = kinds.map((_, index) => kinds[(index + round) % kinds.length] as string)
        const answers = order.map(async (kind, place) => {
          await sleep(20 * place)
          const login = { user: `${kind}-${turn}`, password: `wrong ${kind} ${turn}` }
          const answer = await logIn(server, login)
          expectRefusal(answer, 401)
          if (round > 0) times.get(kind)?.push(answer.duration)
        })
        await Promise.all(answers)
      }
      const medians = [...times].map(([kind, all]) => `${kind} ${percentile(all, 0.5).toFixed(2)}`)
      console.log(`A8: medians of refusals in ms: ${medians.join(', ')}`)
      const reference = times.get('unknown') ?? []
      return [...times].flatMap(([kind, all]) => {
        const [low, high] = interval(all, reference, medianDifference)
        return low <= 2 && high >= -2 ? [] : [`${kind} differs by [${low}, ${high}] ms`]
      })
    })
  })
})
