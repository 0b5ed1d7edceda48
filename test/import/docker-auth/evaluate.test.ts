import { expect, test } from 'vitest'
import { readConfigFile } from '../../../src/config/config-file.ts'
import { readAuthConfig } from '../../../src/import/docker-auth/auth-config.ts'
import { AclEvaluator } from '../../../src/import/docker-auth/evaluate.ts'
import { digitOf, fixtureNames, fixturePath, readFixture, recordOf } from './recorded-answers.ts'

for (const name of fixtureNames) {
  const record = recordOf(name)
  if ('refused' in record) {
    test(`${name}: what docker_auth does not start with is refused, with its line`, async () => {
      await expect(
        readConfigFile(fixturePath(name), { mayBeMissing: false }).then((text) =>
          readAuthConfig(text ?? '', name),
        ),
      ).rejects.toThrow(/:\d+:\d+:/)
    })
    continue
  }
  test(`${name}: the evaluator answers what docker_auth answered`, () => {
    const config = readFixture(name)
    const evaluator = new AclEvaluator(config.acl ?? [])
    const wrong: string[] = []
    let cells = 0
    for (const { account, address, service, answers } of record.asked) {
      const labels = config.users?.get(account)?.labels ?? new Map()
      for (const [index, resource] of record.resources.entries()) {
        const [type = '', ...rest] = resource.split(':')
        const request = { account, labels, type, name: rest.join(':'), service, address }
        const answer = evaluator.answer(request)
        cells += 1
        // A class of Unicode letters is the one thing that is not run here.
        if (answer.kind === 'unknown') {
          expect(answer.entry.match.name).toBe('/^\\pL+$/')
          continue
        }
        const found = digitOf(answer.actions)
        const recorded = answers.charAt(index).replace('x', '0')
        if (found !== recorded)
          wrong.push(`${account} ${address} ${service} ${resource}: ${found}, not ${recorded}`)
      }
    }
    expect(wrong.slice(0, 10)).toEqual([])
    expect(cells).toBeGreaterThan(200)
  })
}
