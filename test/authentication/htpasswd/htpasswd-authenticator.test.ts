import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import bcrypt from 'bcryptjs'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  type HtpasswdAuthenticator,
  openHtpasswd,
} from '../../../src/authentication/htpasswd/htpasswd-authenticator.ts'
import { PasswordVerifier } from '../../../src/authentication/password/verifier.ts'
import { login } from '../login.ts'

interface Line {
  readonly level: 'info' | 'warn' | 'error'
  readonly fields: Readonly<Record<string, unknown>>
  readonly message: string
}

const passwords = new PasswordVerifier()
const opened: HtpasswdAuthenticator[] = []
let folder: string
let file: string
let lines: Line[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'htpasswd-'))
  file = join(folder, 'htpasswd')
  lines = []
})
afterEach(() => {
  for (const backend of opened.splice(0)) backend.close()
  rmSync(folder, { recursive: true, force: true })
})
afterAll(() => passwords.close())

async function open(content?: string, path = file): Promise<HtpasswdAuthenticator> {
  if (content !== undefined) writeFileSync(path, content)
  const write = (level: Line['level']) => (fields: object, message: string) =>
    void lines.push({ level, fields: { ...fields }, message })
  const log = { info: write('info'), warn: write('warn'), error: write('error') }
  const backend = await openHtpasswd({ name: 'htpasswd', file: path, passwords, log })
  opened.push(backend)
  return backend
}

async function kindOf(backend: HtpasswdAuthenticator, username: string, password: string) {
  return (await login(backend, username, password)).kind
}

function line(user: string, password: string): string {
  return `${user}:${bcrypt.hashSync(password, 4)}\n`
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  await expect.poll(condition, { interval: 20 }).toBe(true)
}

const errors = () => lines.filter(({ level }) => level === 'error')

describe('who is in the file', () => {
  test('is accepted with the right password, as a user with the name of the file', async () => {
    const backend = await open(line('alice', 'secret'))
    expect(await login(backend, 'alice', 'secret')).toEqual({
      kind: 'accepted',
      subject: {
        id: 'htpasswd:alice',
        name: 'alice',
        kind: 'user',
        groups: [],
        backend: 'htpasswd',
      },
    })
  })

  test('is rejected with another one', async () => {
    const backend = await open(line('alice', 'secret'))
    for (const password of ['Secret', 'secret ', '']) {
      expect(await login(backend, 'alice', password)).toEqual({
        kind: 'rejected',
        reason: 'wrong password',
        backend: 'htpasswd',
        isWrongPassword: true,
      })
    }
  })

  test('is unknown under any other name', async () => {
    const backend = await open(line('alice', 'secret'))
    for (const name of ['Alice', 'alice ', 'bob', '', '__proto__', 'constructor']) {
      expect(await kindOf(backend, name, 'secret'), name).toBe('unknown')
    }
  })

  test.each([
    ['plain htpasswd (MD5)', []],
    ['bcrypt', ['-B']],
    ['SHA-1', ['-s']],
    ['SHA-256', ['-2']],
    ['SHA-512', ['-5']],
  ])('logs in from a file that htpasswd made: %s', async (_case, options) => {
    execFileSync('htpasswd', ['-cb', ...options, file, 'alice', 'sécret'], { stdio: 'ignore' })
    execFileSync('htpasswd', ['-b', ...options, file, 'bob', 'other'], { stdio: 'ignore' })
    const backend = await open()
    expect(await kindOf(backend, 'alice', 'sécret')).toBe('accepted')
    expect(await kindOf(backend, 'bob', 'other')).toBe('accepted')
    expect(await kindOf(backend, 'bob', 'sécret')).toBe('rejected')
  })
})

describe('at the start', () => {
  test('a missing file is an error that names it, and it is not made', async () => {
    await expect(open()).rejects.toMatchObject({
      code: 'misconfigured',
      message: expect.stringContaining(`${file} does not exist`),
    })
    expect(existsSync(file)).toBe(false)
  })

  test('B19: a faulty line is reported with its number, the others log in', async () => {
    const backend = await open(
      `${line('alice', 'secret')}hunter2\nbob:hunter2\n${line('carol', 'x')}`,
    )
    expect(await kindOf(backend, 'alice', 'secret')).toBe('accepted')
    expect(await kindOf(backend, 'carol', 'x')).toBe('accepted')
    expect(errors().map(({ fields }) => fields['line'])).toEqual([2, 3])
    expect(errors()[1]?.message).toContain(`${file}:3: "bob" cannot log in`)
    expect(JSON.stringify(lines)).not.toContain('hunter2')
    expect(backend.status()).toEqual({ ok: true })
  })

  test('a user with an unusable hash keeps the name: rejected whatever is typed, never unknown', async () => {
    const des = 'rqXexS6ZhobKA'
    const backend = await open(
      `eve:hunter2\nold:${des}\ndear:$2y$31$${'a'.repeat(53)}\nempty:\n${line('eve', 'second')}`,
    )
    for (const [user, password] of [
      ['eve', 'hunter2'],
      ['eve', 'second'],
      ['old', des],
      ['dear', `$2y$31$${'a'.repeat(53)}`],
      ['empty', ''],
    ] as const) {
      expect(await kindOf(backend, user, password), user).toBe('rejected')
    }
  })

  test('users with weak hashes are named in one warning, with the way to better ones', async () => {
    const weak = Array.from({ length: 23 }, (_, index) => line(`user${index}`, 'x')).join('')
    const strong = `dave:${bcrypt.hashSync('x', 10)}\n`
    await open(`${weak}${strong}`)
    const warnings = lines.filter(({ level }) => level === 'warn')
    expect(warnings).toHaveLength(1)
    expect(warnings[0]?.fields['count']).toBe(23)
    expect(warnings[0]?.fields['users']).toHaveLength(20)
    expect(warnings[0]?.message).toContain(`htpasswd -B -C 10 ${file} USER`)
    expect(JSON.stringify(warnings)).not.toContain('dave')
  })

  test('many faulty lines do not flood the log', async () => {
    await open('x\n'.repeat(500))
    expect(errors()).toHaveLength(21)
    expect(errors().at(-1)?.message).toContain('480 more faulty lines')
  })
})

const team = Array.from({ length: 10 }, (_, index) => `user${index}`)
const teamLines = team.map((name) => line(name, `password of ${name}`)).join('')

/** Ten users log in all the time; says how often somebody was lost, once `work` is done. */
async function whileTheTeamLogsIn(
  backend: HtpasswdAuthenticator,
  work: () => Promise<unknown>,
): Promise<{ lost: number; logins: number }> {
  let isOver = false
  let lost = 0
  let logins = 0
  const users = team.map(async (name) => {
    while (!isOver) {
      if ((await kindOf(backend, name, `password of ${name}`)) !== 'accepted') lost += 1
      logins += 1
      await sleep(5)
    }
  })
  try {
    await work()
  } finally {
    isOver = true
    await Promise.all(users)
  }
  return { lost, logins }
}

describe('B20: a change is in force in a moment, and nobody is lost meanwhile', () => {
  const next = teamLines + line('new', 'welcome')
  test.each<[string, () => Promise<void>]>([
    [
      'another file renamed over it',
      async () => {
        writeFileSync(`${file}.new`, next)
        renameSync(`${file}.new`, file)
      },
    ],
    ['written in place', async () => writeFileSync(file, next)],
    [
      'htpasswd adds a user',
      async () =>
        void execFileSync('htpasswd', ['-bB', file, 'new', 'welcome'], { stdio: 'ignore' }),
    ],
    [
      'emptied, and written a moment later',
      async () => {
        writeFileSync(file, '')
        await sleep(300)
        writeFileSync(file, next)
      },
    ],
    [
      'removed, and made anew a moment later',
      async () => {
        rmSync(file)
        await sleep(300)
        writeFileSync(file, next)
      },
    ],
    [
      'written slowly, line by line',
      async () => {
        writeFileSync(file, '')
        for (const text of next.split(/(?<=\n)/)) {
          await sleep(100)
          writeFileSync(file, text, { flag: 'a' })
        }
      },
    ],
  ])('%s', async (_case, change) => {
    const backend = await open(teamLines)
    const { lost, logins } = await whileTheTeamLogsIn(backend, async () => {
      await change()
      await until(async () => (await kindOf(backend, 'new', 'welcome')) === 'accepted')
    })
    expect(lost).toBe(0)
    expect(logins).toBeGreaterThan(20)
    expect(errors()).toEqual([])
  })

  test('a symbolic link is turned, as Kubernetes does with a mounted secret', async () => {
    for (const [version, content] of [teamLines, next].entries()) {
      mkdirSync(join(folder, `..${version}`))
      writeFileSync(join(folder, `..${version}`, 'htpasswd'), content)
    }
    symlinkSync('..0', join(folder, '..data'))
    symlinkSync('..data/htpasswd', file)
    const backend = await open()
    const { lost } = await whileTheTeamLogsIn(backend, async () => {
      symlinkSync('..1', join(folder, '..data_tmp'))
      renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
      await until(async () => (await kindOf(backend, 'new', 'welcome')) === 'accepted')
    })
    expect(lost).toBe(0)
  })

  test('a missing file keeps the old content, is reported once, and is never made', async () => {
    const backend = await open(teamLines)
    const { lost } = await whileTheTeamLogsIn(backend, async () => {
      rmSync(file)
      await until(() => !backend.status().ok)
      await sleep(1_500)
    })
    expect(lost).toBe(0)
    expect(errors()).toHaveLength(1)
    expect(backend.status()).toMatchObject({
      ok: false,
      detail: expect.stringContaining(`${file} does not exist`),
    })
    expect(existsSync(file)).toBe(false)
    writeFileSync(file, next)
    await until(() => backend.status().ok)
    expect(await kindOf(backend, 'new', 'welcome')).toBe('accepted')
  })

  test('B19: a file with a fault keeps the old content, whole, until it is right', async () => {
    const backend = await open(teamLines)
    const { lost } = await whileTheTeamLogsIn(backend, async () => {
      writeFileSync(file, `${line('new', 'welcome')}hunter2\nx:hunter2\n`)
      await until(() => !backend.status().ok)
    })
    expect(lost).toBe(0)
    expect(await kindOf(backend, 'new', 'welcome')).toBe('unknown')
    expect(backend.status()).toMatchObject({ detail: expect.stringContaining(`${file}:2: `) })
    expect(errors()).toHaveLength(1)
    expect(JSON.stringify([lines, backend.status()])).not.toContain('hunter2')
    writeFileSync(file, next)
    await until(() => backend.status().ok)
    expect(await kindOf(backend, 'new', 'welcome')).toBe('accepted')
  })

  test('a changed password and a removed user are in force, cached or not', async () => {
    const backend = await open(line('alice', 'old') + line('bob', 'stays'))
    expect(await kindOf(backend, 'alice', 'old')).toBe('accepted')
    expect(await kindOf(backend, 'bob', 'stays')).toBe('accepted')
    writeFileSync(file, line('alice', 'new'))
    await until(async () => (await kindOf(backend, 'bob', 'stays')) === 'unknown')
    expect(await kindOf(backend, 'alice', 'old')).toBe('rejected')
    expect(await kindOf(backend, 'alice', 'new')).toBe('accepted')
  })

  test('a file whose last user was removed is empty, and that is in force too', async () => {
    const backend = await open(line('alice', 'secret'))
    execFileSync('htpasswd', ['-D', file, 'alice'], { stdio: 'ignore' })
    expect(readFileSync(file, 'utf8')).toBe('')
    await until(async () => (await kindOf(backend, 'alice', 'secret')) === 'unknown')
    expect(backend.status()).toEqual({ ok: true })
  })

  test('after close nothing is followed any more', async () => {
    const backend = await open(teamLines)
    backend.close()
    writeFileSync(file, '')
    chmodSync(file, 0o644)
    await sleep(1_500)
    expect(await kindOf(backend, 'user0', 'password of user0')).toBe('accepted')
  })
})
