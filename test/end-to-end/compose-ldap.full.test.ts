/** The compose bundle with its example directory: people of an OpenLDAP at docker, and what their groups give. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Bundle } from '../support/bundle.ts'
import {
  type DockerClient,
  type DockerEngine,
  describeWithEngine,
  startDockerEngine,
} from '../support/docker-engine.ts'
import { freePort } from '../support/free-port.ts'

const repository = join(import.meta.dirname, '..', '..')
const configFolder = './deploy/openldap/dockwarden'

/** `cache` in the configuration, and what a reload of the page at the other end takes. */
const untilNoticed = { timeout: 70_000, interval: 3_000 }

test('its configuration says of the bundle what the usual one says', () => {
  const [usual, own] = ['./deploy/dockwarden', configFolder].map(
    (folder) =>
      readFileSync(join(repository, folder, 'dockwarden.yml'), 'utf8').split('# Who is it?')[0],
  )
  expect(own).toBe(usual)
})

describeWithEngine('the compose bundle with the profile ldap', () => {
  let engine: DockerEngine
  let bundle: Bundle
  let host: string
  /** Made by the directory, shown once. */
  const passwords = new Map<string, string>()

  beforeAll(async () => {
    engine = await startDockerEngine()
    await engine.client().ensureImages()
    const port = await freePort()
    host = `localhost:${port}`
    bundle = new Bundle(engine.client(), 'directory', {
      COMPOSE_PROFILES: 'ldap',
      CONFIG_FOLDER: configFolder,
      REGISTRY_PORT: String(port),
    })
    await bundle.up()
    for (const person of ['alice', 'bob', 'carol']) await makePassword(person)
  }, 1_800_000)
  afterAll(async () => {
    await bundle?.remove()
    await engine?.stop()
  })

  async function makePassword(person: string): Promise<void> {
    const { stdout } = await inDirectory(`ldappasswd -Q uid=${person},ou=people,dc=example,dc=com`)
    passwords.set(person, /^New password: (\S+)$/m.exec(stdout)?.[1] ?? '')
  }

  /** As the directory's administrator. */
  async function inDirectory(command: string) {
    const result = await bundle.shell('ldap', command)
    if (result.code !== 0) throw new Error(`${command} failed:\n${result.output}`)
    return result
  }

  async function logIn(person: string, password = passwords.get(person) ?? '') {
    const docker = engine.client()
    const { code, output } = await docker.login(host, person, password)
    return { docker, code, output }
  }

  async function loggedIn(person: string): Promise<DockerClient> {
    const { docker, output } = await logIn(person)
    expect(output).toContain('Login Succeeded')
    return docker
  }

  async function push(docker: DockerClient, image: string) {
    await docker.makeImage(`${host}/${image}`)
    return await docker.run(['push', `${host}/${image}`])
  }

  const denied = (person: string, repository: string) =>
    `denied: ${person} may not push to ${repository} (request `

  test('a person logs in, pushes to the namespace of their group and pulls', async () => {
    const alice = await loggedIn('alice')
    expect(await push(alice, 'developers/app:1')).toMatchObject({ code: 0 })
    await alice.mustRun(['image', 'rm', `${host}/developers/app:1`])
    await alice.mustRun(['pull', `${host}/developers/app:1`])
  })

  test('and pushes nowhere else', async () => {
    const { code, output } = await push(await loggedIn('alice'), 'team/app:1')
    expect(code).not.toBe(0)
    expect(output).toContain(denied('alice', 'team/app'))
  })

  test('who is in a group of the group pushes too', async () => {
    const carol = await loggedIn('carol')
    expect(await push(carol, 'team/app:2')).toMatchObject({ code: 0 })
    expect(await push(carol, 'developers/app:2')).toMatchObject({ code: 0 })
  })

  test('who is in none pulls, and pushes nothing', async () => {
    const bob = await loggedIn('bob')
    await bob.mustRun(['pull', `${host}/developers/app:1`])
    expect((await push(bob, 'developers/app:bob')).output).toContain(
      denied('bob', 'developers/app'),
    )
  })

  test.each(['alice', 'nobody'])('%s with a wrong password is refused', async (person) => {
    const { code, output } = await logIn(person, 'not-the-password')
    expect(code).not.toBe(0)
    expect(output).toContain('unauthorized: wrong user name or password')
  })

  test('the accounts beside the directory work as ever', async () => {
    const password = await bundle.adminPassword()
    const { output } = await logIn('admin', password)
    expect(output).toContain('Login Succeeded')
  })

  test('dockwarden ldap check has nothing to say against it, and knows what the rules give', async () => {
    const { code, stdout } = await bundle.shell('auth', 'node dist/main.js ldap check --as alice')
    expect(stdout).toContain('all good')
    expect(stdout).toContain('group:developers may push')
    expect(code).toBe(0)
  })

  test('C15: no process of the directory is root, or has a capability, or can write elsewhere', async () => {
    const { stdout } = await bundle.shell('ldap', 'cat /proc/[0-9]*/status')
    const values = (key: string) =>
      [...stdout.matchAll(new RegExp(`^${key}:\\t(.*)$`, 'gm'))].map(([, value]) => value)
    expect(values('Uid').length).toBeGreaterThan(1)
    for (const ids of values('Uid')) expect(ids?.split('\t')).not.toContain('0')
    for (const key of ['CapEff', 'CapPrm', 'CapBnd'])
      expect(new Set(values(key)), key).toEqual(new Set(['0000000000000000']))
    expect((await bundle.shell('ldap', 'touch /new')).output).toContain('Read-only file system')
  })

  test('A6: it speaks TLS alone, within the bundle alone', async () => {
    expect(await bundle.mustCompose('ps', '--format', '{{.Ports}}', 'ldap')).not.toContain('->')
    const { stdout } = await inDirectory('cat /proc/net/tcp /proc/net/tcp6')
    const listening = [...stdout.matchAll(/:([0-9A-F]{4}) [0-9A-F]+:0000 0A /g)]
    const ports = listening.map(([, port = '']) => Number.parseInt(port, 16))
    // Docker's own name server listens on another loopback address, on any port.
    expect(ports).toContain(1636)
    expect(ports).not.toContain(389)
  })

  test('B32: the password of the account that searches is random, and nobody else can read it', async () => {
    const { stdout } = await inDirectory('stat -c "%a %u" /client/password; cat /client/password')
    const [mode, password = ''] = stdout.split('\n')
    expect(mode).toBe('600 1000')
    expect(password).toMatch(/^[0-9a-f]{48}$/)
    for (const service of ['auth', 'ldap'])
      expect(await bundle.logs(service)).not.toContain(password)
    await bundle.mustCompose('restart', 'ldap')
    await expect.poll(async () => (await logIn('bob')).output).toContain('Login Succeeded')
    expect((await inDirectory('cat /client/password')).stdout).not.toBe(password)
  })

  test('A5: with the password changed, the old one is refused and the new one accepted', async () => {
    await loggedIn('carol')
    const old = passwords.get('carol')
    await makePassword('carol')
    await loggedIn('carol')
    expect((await logIn('carol', old)).output).toContain('unauthorized')
  })

  // Each waits for the time of the cache.
  describe.concurrent('at the same time', () => {
    test('A5: who leaves the group loses the right within a minute', async ({ expect }) => {
      const alice = await loggedIn('alice')
      await inDirectory(`ldapmodify -Q <<'LDIF'
dn: cn=developers,ou=groups,dc=example,dc=com
changetype: modify
delete: member
member: uid=alice,ou=people,dc=example,dc=com
LDIF`)
      let attempt = 0
      const pushed = async () => (await push(alice, `developers/late:${attempt++}`)).output
      await expect.poll(pushed, untilNoticed).toContain(denied('alice', 'developers/late'))
      await alice.mustRun(['pull', `${host}/developers/app:1`])
    })

    test('A5: who is removed is refused within a minute', async ({ expect }) => {
      await loggedIn('bob')
      await inDirectory('ldapdelete -Q uid=bob,ou=people,dc=example,dc=com')
      await expect
        .poll(async () => (await logIn('bob')).output, untilNoticed)
        .toContain('unauthorized: wrong user name or password')
    })
  })

  test('after down and up, with the volumes kept, everything is as before', async () => {
    await bundle.mustCompose('down')
    await bundle.up()
    await loggedIn('alice')
    expect((await push(await loggedIn('carol'), 'team/app:3')).code).toBe(0)
  })
})
