// biome-ignore-all lint/suspicious/noTemplateCurlyInString: rules write their variables so

/** `dockwarden diff`: what it says, and its exit code. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fencedBlocks } from '../readme/markdown.ts'
import { root } from '../readme/readme.ts'
import { command } from '../support/command.ts'
import { program } from '../support/dockwarden.ts'
import { describeWithParts } from '../support/parts.ts'
import { run } from '../support/process.ts'
import { type Registry, startRegistry } from '../support/registry.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const folder = temporaryFolder('diff')
const files: Readonly<Record<string, string>> = {
  'old.yml': `issuer: dockwarden
groups: { dev: [alice] }
rules:
  - name: everybody reads
    who: [anyone]
    may: [pull]
    on: ["public/**"]
  - { name: dev pushes, who: ["group:dev"], may: [push], on: ["prod/**"] }
`,
  'new.yml': `issuer: dockwarden
groups: { dev: [alice, bob] }
rules:
  - name: people read
    who: [authenticated]
    may: [pull]
    on: ["public/**"]
  - { name: dev pushes, who: ["group:dev"], may: [push], on: ["prod/**"] }
  - { name: carol looks after prod, who: ["user:carol"], may: [pull], on: ["prod/**"], when: { network: 10.20.0.0/16 } }
`,
  'keyless.yml': 'keys: nowhere\nrules: []\n',
  'rules.yml': 'rules: [{ who: ["group:dev"], may: [pull], on: ["prod/**"] }]\n',
  'broken.yml': 'rules: [{ who: ["grop:dev"], may: [pull], on: ["prod/**"] }]\n',
  'with-candidate.yml': `rules_candidate: rules.yml
groups: { dev: [alice] }
rules: [{ who: ["group:dev"], may: [push], on: ["prod/**"] }]
`,
  'built-in.yml': 'issuer: dockwarden\n',
  'names.txt': 'prod/api\n\n  public/base  \nother\n',
  'no-names.txt': '\n  \n',
  'wrong-names.txt': 'prod/api\nprod/API\n',
}
for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)

// The keys that registries trust.
beforeAll(async () => {
  const args = ['setup', '--config', 'new.yml', '--trust', folder, '--tls', folder]
  const { code, output } = await command(folder, args)
  if (code !== 0) throw new Error(output)
})

const diff = (...args: readonly string[]) => command(folder, ['diff', ...args])

const lines = `+ pull, push prod/** for user:bob; now given by rule "dev pushes" (new.yml:8)
+ pull prod/** for user:carol; from 10.20.0.0/16; now given by rule "carol looks after prod" (new.yml:9)
- pull public/** for anonymous; no longer given by rule "everybody reads" (old.yml:4)
`

test('says what is given and taken, by which rule, and exits with 1', async () => {
  const { code, stdout, stderr } = await diff('old.yml', 'new.yml')
  const count =
    /^2 given, 1 taken: \d+ principals, \d+ names that the patterns stand for, 2 circumstances\n$/
  expect([code, stderr]).toEqual([1, ''])
  expect(stdout.startsWith(lines)).toBe(true)
  expect(stdout.slice(lines.length)).toMatch(count)
  const [, documented] = fencedBlocks(readFileSync(join(root, 'docs/rules.md'), 'utf8')).filter(
    ({ heading }) => heading === 'What a change does',
  )
  expect(documented?.text).toBe(stdout.replaceAll('old.yml', 'dockwarden.yml'))
})

test.each(['old.yml', 'rules.yml'])(
  'reads %s also from a pipe, as of <(git show …)',
  async (file) => {
    const { code, stdout } = await run(
      'sh',
      ['-c', 'cat "$2" | "$0" "$1" diff /dev/stdin new.yml', process.execPath, program, file],
      { cwd: folder },
    )
    const named = await diff(file, 'new.yml')
    expect([code, stdout.replaceAll('stdin:', `${file}:`)]).toEqual([1, named.stdout])
  },
)

test('exits with 0 where there is no effect, and with 2 where that cannot be said', async () => {
  expect(await diff('old.yml', 'old.yml')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^no effect: /),
  })
  const failing: readonly (readonly [args: string, says: RegExp])[] = [
    ['old.yml', /name two files/],
    ['old.yml new.yml --format xml', /argument 'xml' is invalid/],
    ['old.yml missing.yml', /missing\.yml: cannot be read/],
    ['old.yml broken.yml', /broken\.yml:1:17: rules\[0\]\.who\[0\]: "grop:dev" names nobody/],
    ['old.yml new.yml --service other', /no tokens are issued for other/],
    ['old.yml new.yml --repositories missing', /missing cannot be read/],
    [
      'old.yml new.yml --repositories wrong-names.txt',
      /wrong-names\.txt:2: "prod\/API" is no repository/,
    ],
    ['old.yml new.yml --repositories no-names.txt', /no-names\.txt names no repository/],
    ['old.yml new.yml --repositories -', /standard input names no repository/],
    ['old.yml new.yml --repositories - --registry http://x', /not both/],
    ['old.yml new.yml --registry registry.example.com', /is no URL/],
    ['old.yml new.yml --registry http://u:hidden@127.0.0.1:1', /^(?!.*hidden).*leave them out/s],
    ['old.yml keyless.yml --registry http://127.0.0.1:1', /no keys are in /],
    ['rules.yml rules.yml --registry http://127.0.0.1:1', /neither file says "keys"/],
    ['--candidate -c old.yml', /names no rules_candidate/],
    ['old.yml --candidate', /takes both from the configuration/],
    ['old.yml new.yml --unknown', /unknown option/],
  ]
  const ends = failing.map(async ([args, says]) => {
    const { code, stdout, stderr } = await diff(...args.split(' '))
    expect([args, code, stdout]).toEqual([args, 2, ''])
    expect(stderr).toMatch(says)
  })
  await Promise.all(ends)
})

test('a file of rules alone has the groups and services of the other one', async () => {
  const { stdout } = await diff('old.yml', 'rules.yml')
  expect(stdout).toContain('- push prod/** for group:dev; no longer given by rule "dev pushes"')
  expect((await diff('--candidate', '-c', 'with-candidate.yml')).stdout).toContain(
    '- push prod/** for group:dev; no longer given by the rule of with-candidate.yml:3\n',
  )
})

test('for the tokens of one service', async () => {
  writeFileSync(
    join(folder, 'services.yml'),
    `services: [{ name: one }, { name: two }]
rules: [{ who: anyone, may: pull, on: a, when: { service: two } }]
`,
  )
  const ofService = async (...args: readonly string[]) => {
    const { code, stdout } = await diff('keyless.yml', 'services.yml', ...args)
    return [code, stdout.split('\n')[0]]
  }
  const line = '+ pull a for anyone; ${when}now given by the rule of services.yml:2'
  expect(await ofService()).toEqual([1, line.replace('${when}', 'for service two; ')])
  expect(await ofService('--service', 'two')).toEqual([1, line.replace('${when}', '')])
  expect(await ofService('--service', 'one')).toEqual([0, expect.stringMatching(/^no effect/)])
})

test('a service that one side alone has takes or gives all that its tokens hold', async () => {
  const rule = (when = '') => `rules: [{ who: anyone, may: pull, on: a${when} }]\n`
  const sides = {
    'both.yml': `services: [{ name: one }, { name: two }]\n${rule()}`,
    'one.yml': `services: [{ name: one }]\n${rule()}`,
    'narrowed.yml': `services: [{ name: one }]\n${rule(', when: { service: one }')}`,
  }
  for (const [name, text] of Object.entries(sides)) writeFileSync(join(folder, name), text)
  const first = async (...args: readonly string[]) => {
    const { code, stdout } = await diff(...args)
    return [code, stdout.split('\n')[0]]
  }
  const taken = '- pull a for anyone; for service two; no longer given by the rule of both.yml:2'
  const given = '+ pull a for anyone; for service two; now given by the rule of both.yml:2'
  expect(await first('both.yml', 'one.yml')).toEqual([1, taken])
  expect(await first('both.yml', 'narrowed.yml')).toEqual([1, taken])
  expect(await first('one.yml', 'both.yml')).toEqual([1, given])
  expect(await first('both.yml', 'one.yml', '--service', 'two')).toEqual([
    1,
    taken.replace(' for service two;', ''),
  ])
  expect(await first('one.yml', 'narrowed.yml')).toEqual([0, expect.stringMatching(/^no effect/)])
})

test('on the repositories that a file or standard input names', async () => {
  const ofFile = await diff('old.yml', 'new.yml', '--repositories', 'names.txt')
  expect(ofFile.stdout).toContain(lines)
  expect(ofFile.stdout).toContain(' 3 repositories, ')
  const input = 'other\nprod/api\n'
  const args = ['diff', 'old.yml', 'new.yml', '--repositories', '-']
  const ofInput = await command(folder, args, { input })
  expect(ofInput.stdout).toMatch(/^\+ .*\n\+ .*\n2 given, 0 taken: /)
})

test('as JSON, and as annotations of a workflow at file and line', async () => {
  const { differences, cut } = JSON.parse((await diff('old.yml', 'new.yml', '--json')).stdout)
  expect(cut).toBe(false)
  expect(differences[1]).toEqual({
    effect: 'gives',
    actions: ['pull'],
    who: ['user:carol'],
    on: 'prod/**',
    only: null,
    when: 'from 10.20.0.0/16',
    cause: 'now_given',
    rule: { name: 'carol looks after prod', origin: 'new.yml:9' },
  })
  const { stdout } = await diff('old.yml', 'new.yml', '--format', 'github')
  expect(stdout.split('\n').slice(0, 3)).toEqual([
    '::warning file=new.yml,line=8,title=dockwarden gives::+ pull, push prod/** for user:bob; now given by rule "dev pushes" (new.yml:8)',
    '::warning file=new.yml,line=9,title=dockwarden gives::+ pull prod/** for user:carol; from 10.20.0.0/16; now given by rule "carol looks after prod" (new.yml:9)',
    '::notice file=old.yml,line=4,title=dockwarden takes::- pull public/** for anonymous; no longer given by rule "everybody reads" (old.yml:4)',
  ])
})

test('a built-in rule stands on no line', async () => {
  const { stdout } = await diff('built-in.yml', 'old.yml', '--format', 'github')
  expect(stdout).toContain('::notice file=built-in.yml,title=dockwarden takes::')
})

describe('on the repositories of a registry', () => {
  describeWithParts('that trusts these keys', ['registry 2'], () => {
    let registry: Registry
    beforeAll(async () => {
      const storage = join(folder, 'storage')
      for (const name of ['prod/api', 'public/base']) {
        const repository = join(storage, 'docker/registry/v2/repositories', name)
        for (const part of ['_layers', '_manifests', '_uploads'])
          mkdirSync(join(repository, part), { recursive: true })
      }
      registry = await startRegistry({
        version: 2,
        realm: 'http://127.0.0.1:1/token',
        service: 'registry',
        issuer: 'dockwarden',
        rootCertBundle: join(folder, 'ca.crt'),
        sections: { storage: { filesystem: { rootdirectory: storage } } },
      })
    })
    afterAll(() => registry?.stop())

    test('it takes the token, and its names count', async () => {
      const { stdout, stderr } = await diff('old.yml', 'new.yml', '--registry', registry.url)
      expect(stderr).toBe('')
      expect(stdout).toContain(lines)
      expect(stdout).toContain(' 2 repositories, ')
    })
  })

  test('page by page, and nowhere else', async () => {
    const asked: (string | undefined)[] = []
    let next = '/v2/_catalog?last=public/base&n=1000'
    const server = createServer(({ url, headers }, response) => {
      asked.push(url)
      if (headers.authorization === undefined) response.statusCode = 401
      const isFirst = url?.includes('last=') === false
      if (isFirst) response.setHeader('Link', `<${next}>; rel="next"`)
      const repositories = isFirst ? ['prod/api', 'Wrong/Name'] : ['public/base']
      response.end(JSON.stringify({ repositories }))
    }).listen(0, '127.0.0.1')
    try {
      await new Promise((resolve) => server.once('listening', resolve))
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      const followed = await diff('old.yml', 'new.yml', '--registry', url)
      expect(asked).toEqual(['/v2/_catalog?n=1000', next])
      expect(followed.stdout).toContain(lines)
      expect(followed.stdout).toContain(' 2 repositories, ')
      next = 'http://127.0.0.2:1/v2/_catalog'
      const refused = await diff('old.yml', 'new.yml', '--registry', url)
      expect([refused.code, refused.stdout]).toEqual([2, ''])
      expect(refused.stderr).toContain('names http://127.0.0.2:1 as the place of its next page')
    } finally {
      server.close()
    }
  })
})
