import { expect, test } from 'vitest'
import { catalog } from '../../../src/authorization/policy.ts'
import { isAnnounced } from '../../../src/import/docker-auth/change.ts'
import { differencesOf, heldBefore, heldNow } from '../../../src/import/docker-auth/held-actions.ts'
import {
  importDockerAuth,
  translateConfig,
} from '../../../src/import/docker-auth/import-docker-auth.ts'
import { fc } from '../../support/fast-check.ts'

const accounts = ['', 'alice', 'bob', 'ab', 'zoe']
const names = [
  ...[
    catalog,
    'a',
    'b',
    'ab',
    'ba',
    'a/b',
    'b/a',
    'a/a',
    'ab/a',
    'a/b/a',
    'alice/a',
    'alice/a/b',
    'bob/a',
    'bob',
    'x/alice',
  ],
  ...[
    'a-b',
    'red',
    'red/a',
    'blue/a',
    'blue',
    'a/red',
    'catalog',
    'ab/ab/ab/ab',
    'a1',
    'a:1/b',
    'bb/a.b/c_d',
  ],
]
const addresses = ['10.0.0.1', '10.9.9.9', '192.0.2.1', '2001:db8::1']
const services = ['registry', 'other']

const accountPattern = fc.constantFrom(
  ...[
    '',
    'alice',
    'bob',
    '*',
    '?*',
    'a*',
    '/.+/',
    '/.*/',
    '/b/',
    '/^a/',
    '/^(alice|bob)$/',
    '/^(.)(.*)$/',
    '[ab]*',
    '/^[a-m]/',
  ],
)
const namePattern = fc.constantFrom(
  ...[
    '*',
    '*/*',
    '**',
    'a',
    'a*',
    'a/*',
    '?',
    '*b',
    '[ab]*/a',
    `\${account}/*`,
    `\${account}`,
    `*/\${account}`,
    `/^\${account}\\//`,
  ],
  ...[
    `\${labels:team}/*`,
    `/^\${labels:team}$/`,
    `\${account:1}*`,
    '/a/',
    '/^a/',
    '/b$/',
    '/^a\\/.*/',
    '/^.*\\/b/',
    '/^[ab]+$/',
    '/a|b/',
  ],
  ...[
    '/^(a|b)\\/[^\\/]+$/',
    '/./',
    '/^[^\\/]+\\/a/',
    '/(ab)+/',
    `\${labels:team}/\${account}`,
    '/^([^\\/]+\\/)?a$/',
    'a/**',
  ],
)
const actions = fc.constantFrom(
  ...[
    ['*'],
    ['pull'],
    ['pull', 'push'],
    ['pull', 'push', 'delete'],
    [],
    ['push'],
    ['delete'],
    ['pull', 'delete'],
    ['pull', '*'],
  ],
)
const rule = fc.record({
  match: fc.record(
    {
      account: accountPattern,
      name: namePattern,
      type: fc.constantFrom('repository', 'registry', 're*', '*'),
      ip: fc.constantFrom('10.0.0.1', '10.0.0.0/8', '0.0.0.0/0', '2001:db8::/32'),
      service: fc.constantFrom('registry', 'other', '*', '/^o/'),
      labels: fc.constantFrom(
        { team: 'red' },
        { team: '*' },
        { team: 'b*' },
        { team: `\${account}` },
        { none: '*' },
      ),
    },
    { requiredKeys: [] },
  ),
  actions,
})

const directory = `ldap_auth: { addr: "d:636", base: "o=x", filter: "(uid=\${account})", labels: { team: { attribute: memberOf, parse_cn: true } } }`

const file = fc.record({
  rules: fc.array(rule, { minLength: 1, maxLength: 7 }),
  isOpen: fc.boolean(),
  isAnonymousKnown: fc.boolean(),
})

test('whatever the rules, all that differs is announced, and Dockwarden never gives more', () => {
  fc.assert(
    fc.property(file, ({ rules, isOpen, isAnonymousKnown }) => {
      const users = {
        alice: { password: 'x', labels: { team: ['red', 'blue'] } },
        bob: { password: 'x', labels: { team: ['blue'] } },
        ab: { password: 'x' },
        ...(isAnonymousKnown && { '': { labels: { team: ['red'] } } }),
      }
      const text = `users: ${JSON.stringify(users)}\nacl: ${JSON.stringify(rules)}\n${isOpen ? directory : ''}`
      const options = { file: 'f', services, htpasswd: 'h' }
      const { proof } = importDockerAuth(text, options)
      const { policy, surroundings, changes } = translateConfig(text, options)
      expect(proof.differences.filter((each) => !each.isAnnounced)).toEqual([])
      for (const account of accounts) {
        if (account === '' && !isAnonymousKnown) continue
        if (account === 'zoe' && !isOpen) continue
        const labels =
          account === 'zoe'
            ? new Map([['team', ['blue', 'ab']]])
            : account === ''
              ? surroundings.anonymousLabels
              : (surroundings.labels.get(account) ?? new Map())
        const groups = account === 'zoe' ? [{ name: 'blue' }, { name: 'ab' }] : []
        const asker = account === '' ? null : { name: account, kind: 'user' as const, groups }
        for (const name of names) {
          for (const address of addresses) {
            for (const service of services) {
              const resource =
                name === catalog
                  ? { type: 'registry', name: 'catalog' }
                  : { type: 'repository', name }
              const was = surroundings.evaluator.answer({
                account,
                labels,
                ...resource,
                service,
                address,
              })
              if (was.kind === 'unknown') throw new Error('unknown')
              const now = heldNow(policy, {
                person: { account, labels, asker },
                name,
                address,
                service,
              })
              for (const { direction, actions: differing } of differencesOf(
                heldBefore(was, name),
                now.actions,
              )) {
                const isTold = isAnnounced(direction, was.entry?.number, changes)
                if (!isTold)
                  throw new Error(
                    `${direction} ${differing}: ${account || 'anonymous'} on ${name} from ${address} for ${service}; rule ${was.entry?.number}; ${now.rules}`,
                  )
              }
            }
          }
        }
      }
    }),
    { numRuns: 25 },
  )
}, 120_000)
