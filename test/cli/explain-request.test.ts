/** `dockwarden explain --request`: from the id that a client saw to the reason. */

import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { getToken } from '../end-to-end/ask.ts'
import { command } from '../support/command.ts'
import { type Dockwarden, startDockwarden } from '../support/dockwarden.ts'

const rules = [
  { name: 'dev reads prod', who: ['group:dev'], may: ['pull'], on: ['prod/**'] },
  { name: 'ops push prod', who: ['group:ops'], may: ['push'], on: ['prod/**'] },
]
const config = {
  authentication: [{ htpasswd: { file: 'users' } }],
  groups: { dev: ['dora'] },
  rules,
}
const password = 'x'
const hash = createHash('sha1').update(password).digest('base64')

let server: Dockwarden
beforeAll(async () => {
  server = await startDockwarden({ config, files: { users: `dora:{SHA}${hash}\n` } })
})
afterAll(() => server?.stop())

/** @returns the id of the request */
async function request(...scopes: readonly string[]): Promise<string> {
  const answer = await getToken(server, scopes, { user: 'dora', password })
  expect(answer.status).toBe(200)
  return String(answer.headers['x-request-id'])
}

const explain = (...args: readonly string[]) => command(server.folder, ['explain', ...args])

test('what was asked, granted and decided then, and what the rules say now', async () => {
  const id = await request(
    'repository:prod/api:pull,push',
    'repository:Prod/api:pull',
    'nonsense\nYes:',
  )
  const { code, stdout } = await explain('--request', id)
  expect(code).toBe(0)
  expect(stdout.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')).toBe(
    `Request ${id}, TIME: a token for less than was asked.
dora of htpasswd, from 127.0.0.1, for the service registry, asked repository:prod/api:pull,push repository:Prod/api:pull and was granted repository:prod/api:pull.
Decided by: dev reads prod (dockwarden.yml:10).
Not understood: "nonsense\\nYes:"

By the rules as they are now:
Only in part: dora may pull from prod/api, and may not push to prod/api.
Why pull: rule "dev reads prod" (dockwarden.yml:10) gives pull to dora as group:dev, on "prod/**".
Why push: no rule gives it.
Nearest to giving it:
  rule "dev reads prod" (dockwarden.yml:10) gives only pull; add push to its "may"
  rule "ops push prod" (dockwarden.yml:17) gives push to members of group ops; dora is in: dev
dora is in:
  dev  groups of dockwarden.yml
Asked: repository:prod/api:pull,push for the service registry, from 127.0.0.1, at TIME. Granted: repository:prod/api:pull.
No: "Prod/api" can be no repository: registries take no capitals; write prod/api.
`,
  )
})

test('the rules of now may be others, and --group asks what would help', async () => {
  const id = await request('repository:prod/api:pull,push')
  const helped = await explain('--request', id, '--group', 'ops', '--exit-code')
  expect(helped.stdout).toContain('Yes: dora may pull and push on prod/api.')
  expect(helped.code).toBe(0)
  expect((await explain('--request', id, '--exit-code')).code).toBe(1)
  await server.reload({ ...config, groups: { ops: ['dora'] } })
  const { stdout } = await explain('--request', id, '--json')
  expect(JSON.parse(stdout)).toMatchObject({
    request: { requestId: id, granted: [{ name: 'prod/api', actions: ['pull'] }] },
    now: [
      { allowed: true, who: { groups: [{ name: 'ops', origin: 'groups of dockwarden.yml' }] } },
    ],
  })
  await server.reload(config)
})

test('a request that is not remembered', async () => {
  const { code, stderr } = await explain('--request', '0a1b2c3d')
  expect(code).toBe(1)
  expect(stderr).toContain('the server does not remember the request 0a1b2c3d')
})
