// biome-ignore-all lint/suspicious/noTemplateCurlyInString: rules write their variables so

/** docs/rules.md: every recipe loads, holds what it says, and refuses what it does not say. */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { authorize } from '../../src/authorization/authorize.ts'
import { lint } from '../../src/authorization/lint/lint.ts'
import { catalog, compilePolicy } from '../../src/authorization/policy.ts'
import { failingRuleTests } from '../../src/authorization/rule-tests.ts'
import type { Action } from '../../src/protocol/access.ts'
import { parseScopes } from '../../src/protocol/scope.ts'
import { loadText } from '../config/config-text.ts'
import { command } from '../support/command.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { fencedBlocks, tableRows } from './markdown.ts'
import { root } from './readme.ts'

const document = readFileSync(join(root, 'docs/rules.md'), 'utf8')
const blocks = fencedBlocks(document)
const [, recipeText = ''] = document.split(/^## Recipes$/m)
const recipes = fencedBlocks(recipeText.split(/^## /m)[0] ?? '').filter(
  ({ language }) => language === 'yaml',
)
/** The dates of the recipes are still to come. */
const now = new Date('2026-11-21T12:00:00Z')

/**
 * Who, with which groups → what, on what. Before a colon, what the service, the address or the time is.
 * `!` is what they must not.
 */
type Question = readonly [who: string, deed: string, ...where: readonly string[]]

/** Beside the rule_tests of each recipe: what its reader would ask next. */
const questions: Readonly<Record<string, readonly Question[]>> = {
  'Team namespaces': [
    ['alice', '!push teams/web'],
    ['alice', '!push teams/webshop/app'],
    ['dave', '!push teams/dave/app'],
    ['dave Web', '!push teams/web/shop'],
    ['dave */x', '!push teams/*/x'],
  ],
  'A namespace for each person': [
    ['prod', '!push prod/api'],
    ['alice', '!push people/alice'],
    ['alice', '!push people/alice2/app'],
    ['*', '!pull people/alice/app'],
  ],
  'A public mirror': [
    ['anonymous', '!delete mirror/library/nginx'],
    ['anonymous', '!pull mirror'],
    ['alice', '!push prod/api'],
  ],
  'Anyone pulls, only admins push': [
    ['anonymous', 'pull a/b/c/d'],
    ['anonymous', '!* registry:catalog'],
    ['alice', '!* registry:catalog'],
  ],
  'From limit_except GET HEAD in nginx': [
    ['anonymous', '!delete app'],
    ['alice', 'push a/b'],
  ],
  'A release freeze': [
    ['dora dev,release', '!push prod/api', 'at 2027-12-31'],
    ['bob', '!push prod/api', 'at 2028-01-02T23:59:59Z'],
    ['bob', 'pull prod/api', 'at 2027-12-31'],
  ],
  'CI from the build network': [
    ['ci', '!push prod/api', 'from 10.19.255.255'],
    ['ci', 'push prod/api', 'from ::ffff:10.20.0.1'],
    ['ci', '!push staging/api', 'from 10.20.0.1'],
    ['anonymous', '!pull prod/api', 'from 10.20.0.1'],
  ],
  'Contractors until a date': [
    ['dora contractors', '!delete shop/web', 'at 2027-01-01'],
    ['dora', '!pull shop/web', 'at 2027-01-01'],
  ],
  'Auditors read everything': [
    ['erin', 'pull a/b/c'],
    ['anonymous', '!* registry:catalog'],
    ['bob', '!pull prod/api'],
  ],
  'From staging to prod': [
    ['carol', '!delete prod/api'],
    ['bob', '!pull staging/api'],
  ],
  'A machine user for each repository': [
    ['web', 'push prod/web'],
    ['web', '!push prod'],
    ['mallory builders', '!push prod/api'],
  ],
  'Nobody deletes a release': [
    ['bob', '!push releases/api'],
    ['alice', 'delete prod/releases'],
  ],
  'Tags that stay': [
    ['alice', '!push builds/api'],
    ['anonymous', '!pull releases/api'],
    ['release-job', '!push builds/api'],
  ],
  'A secret within a shared tree': [
    ['bob', '!pull shared/vault/a/b'],
    ['bob', '!push shared/base'],
    ['bob', '!pull shared/other/a'],
    ['anonymous', '!pull shared/base'],
  ],
  'Two registries, one Dockwarden': [
    ['anonymous', '!push app', 'service mirror.example.com'],
    ['alice', '!delete app', 'service registry.example.com'],
  ],
  'A night of maintenance': [
    ['alice', '!delete app', 'at 2027-03-07T00:00Z'],
    ['alice', '!push a/b/c', 'at 2027-03-07T03:59:59Z'],
    ['anonymous', '!pull app', 'at 2027-03-07T00:00Z'],
  ],
  'One repository, several images': [
    ['alice', '!push shop/web-legacy'],
    ['alice', '!push shop/worker/cache'],
    ['dave', '!pull shop/api'],
  ],
  'Groups of a directory': [
    ['dora platform-team', 'push platform/a/b'],
    ['dora Platform-Team', '!pull platform/ingress'],
  ],
  'Open dev, closed prod': [
    ['anonymous', '!pull dev/anything'],
    ['cluster', 'push dev/x'],
    ['carol', '!delete prod/api'],
  ],
  'Break glass': [
    ['alice dev', '!push prod/api'],
    ['alice', '!pull prod/api'],
  ],
  'From the office and the VPN alone': [
    ['alice', 'push app', 'from 198.51.100.255'],
    ['alice', '!push app', 'from 10.9.0.0'],
    ['alice', '!push app', 'from ::1'],
  ],
  'An image in quarantine': [
    ['alice', '!delete prod/api'],
    ['alice', 'push prod/logger2'],
    ['anonymous', '!pull prod/api'],
  ],
  'One person out, at once': [
    ['mallory admins', '!pull a/b'],
    ['alice', '* registry:catalog'],
    ['anonymous', '!pull prod/api'],
  ],
}

test('there are twenty recipes and more, and each is asked something', () => {
  expect(recipes.length).toBeGreaterThanOrEqual(20)
  expect(recipes.map(({ heading }) => heading)).toEqual(Object.keys(questions))
})

describe.each(recipes)('$heading', ({ heading, text }) => {
  test('it loads, its own tests hold, and lint has nothing to say that it does not allow', async () => {
    const config = await loadText(text)
    const { rules, groups, ruleTests } = config
    expect(failingRuleTests(config, now)).toEqual([])
    expect(ruleTests.some(({ may }) => may.length > 0)).toBe(true)
    expect(ruleTests.some(({ mayNot }) => mayNot.length > 0)).toBe(true)
    const names = { users: 'any', groups: 'any' } as const
    const warnings = lint({ rules, groups, names }, now).filter(
      ({ severity }) => severity === 'warning',
    )
    const allowed = [...text.matchAll(/# lint: allow (\w+)/g)].map(([, id]) => id)
    expect(warnings.map(({ id }) => id)).toEqual(allowed)
  })

  test.each(questions[heading] ?? [])('%s: %s %s', async (who, deed, where = '') => {
    const { rules, groups, services } = await loadText(text)
    const [name = '', ofBackend] = who.split(' ')
    const [, not, action = '', resource = ''] = /^(!?)(\S+) (.+)$/.exec(deed) ?? []
    const [condition = '', value = ''] = where.split(' ')
    const circumstances = {
      service: condition === 'service' ? value : (services[0]?.name ?? ''),
      address: condition === 'from' ? value : '192.0.2.1',
      time: condition === 'at' ? new Date(value) : now,
    }
    const asker = {
      name,
      kind: 'user' as const,
      groups: (ofBackend?.split(',') ?? []).map((group) => ({ name: group })),
    }
    const scope = resource === catalog ? `${catalog}:*` : `repository:${resource}:${action}`
    const { access } = authorize(
      compilePolicy(rules, groups),
      name === 'anonymous' ? null : asker,
      parseScopes([scope]).scopes,
      circumstances,
    )
    const actions: readonly Action[] = access[0]?.actions ?? []
    expect(actions.length > 0).toBe(not === '')
  })
})

test('the right for two hours is given as the recipe says, beside its file', async () => {
  const folder = temporaryFolder('break-glass')
  const of = (language: string) =>
    blocks.find((each) => each.heading === 'Break glass' && each.language === language)?.text ?? ''
  writeFileSync(join(folder, 'dockwarden.yml'), of('yaml'))
  const [name, ...args] = of('sh').trim().split(' ')
  expect(name).toBe('dockwarden')
  const added = await command(folder, args)
  expect(added.code, added.output).toBe(0)
  const { stdout } = await command(folder, ['rule', 'list'])
  expect(stdout).toMatch(/rule 1 .*user:alice.*push.*prod\/api.*INC-12/)
})

describe('the language', () => {
  test('its example loads', async () => {
    const [example] = blocks.filter(({ heading }) => heading === 'The language')
    expect((await loadText(example?.text ?? '')).rules).toHaveLength(1)
  })

  /** What anonymous is given of all that there is to ask for. */
  const given = async (rules: readonly object[], resource = 'a') => {
    const config = await loadText(stringify({ rules }, { aliasDuplicateObjects: false }))
    const scope = resource === catalog ? `${catalog}:*` : `repository:${resource}:pull,push,delete`
    const policy = compilePolicy(config.rules, config.groups)
    const circumstances = { service: 'registry', address: '192.0.2.1', time: now }
    const { access } = authorize(policy, null, parseScopes([scope]).scopes, circumstances)
    return access[0]?.actions ?? []
  }
  const codes = (cell = '') => [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code)

  test.each(tableRows(document, 'Who'))('%s loads, and is %s', async (word) => {
    for (const who of codes(word)) {
      await loadText(stringify({ rules: [{ who: [who], may: ['pull'], on: ['a'] }] }))
    }
  })

  test('no name of who has a wildcard', async () => {
    for (const who of ['user:*', 'group:dev*', 'robot:*'])
      await expect(given([{ who: [who], may: ['pull'], on: ['a'] }])).rejects.toThrow(who)
  })

  test.each(tableRows(document, 'On'))('%s fits %s, and not %s', async (pattern, fits, fitsNot) => {
    const rule = { who: ['anyone'], may: ['*'], on: codes(pattern) }
    for (const [cell, isFitting] of [
      [fits, true],
      [fitsNot, false],
    ] as const) {
      for (const name of codes(cell))
        expect([name, (await given([rule], name)).length > 0]).toEqual([name, isFitting])
    }
  })

  test.each(tableRows(document, 'When'))('%s loads: it holds %s', async (condition) => {
    const [written = ''] = codes(condition)
    const services = 'services: [{ name: registry.example.com }]\n'
    const text = `${services}rules: [{ who: anyone, may: pull, on: a, when: { ${written} } }]\n`
    const { rules } = await loadText(text)
    expect(Object.keys(rules[0]?.when ?? {})).toContain(written.split(':')[0])
  })

  test('what takes and gives what, as the tables of actions say', async () => {
    const who = ['anonymous']
    const on = ['a']
    expect(await given([{ who, may: ['pull'], on }])).toEqual(['pull'])
    expect(await given([{ who, may: ['push'], on }])).toEqual(['pull', 'push'])
    expect(await given([{ who, may: ['delete'], on }])).toEqual(['delete'])
    const all = { who, may: ['*'], on }
    expect(await given([all, { who, may_not: ['pull'], on }])).toEqual(['delete'])
    expect(await given([all, { who, may_not: ['push'], on }])).toEqual(['pull', 'delete'])
    expect(await given([all, { who, may_not: ['delete'], on }])).toEqual(['pull', 'push'])
    expect(await given([all, { who, may_not: ['*'], on }])).toEqual([])
  })
})
