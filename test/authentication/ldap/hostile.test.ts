import { expect, test } from 'vitest'
import { Password } from '../../../src/protocol/credentials.ts'
import {
  answering,
  type Behaviour,
  endless,
  resetting,
  silent,
  speakingHttp,
  startHostileDirectory,
} from '../../support/hostile-directory.ts'
import {
  bindResponse,
  element,
  extendedResponse,
  message,
  requests,
  searchDone,
  searchEntry,
} from '../../support/ldap-messages.ts'
import { testDirectory } from './directory.ts'

/** What a server that says nothing is given. */
const deadlines = { operation: 400 }
const password = new Password('a password')
const search = {
  base: 'dc=x',
  scope: 'sub',
  filter: '(uid=a)',
  attributes: ['mail'],
  limit: 1,
} as const

/** A bind succeeds; a search gets these bytes. */
function answeringSearch(answer: (id: number) => readonly Buffer[]): Behaviour {
  return answering(({ id, tag }) => {
    if (tag === requests.unbind) return undefined
    return tag === requests.bind ? [bindResponse(id, 0)] : answer(id)
  })
}

/** A byte at a time, never whole. */
const dribbling: Behaviour = (socket) => {
  socket.once('data', () => {
    const timer = setInterval(() => socket.write(Buffer.from([0])), 20)
    socket.write(Buffer.from([0x30, 0x83, 0x0f, 0xff, 0x00]))
    socket.once('close', () => clearInterval(timer))
  })
}

const entries = (id: number, count: number): readonly Buffer[] =>
  Array.from({ length: count }, (_, index) => searchEntry(id, `uid=${index}`, { mail: ['a@x'] }))

const behaviours: readonly {
  readonly name: string
  readonly behave: Behaviour
  readonly says: RegExp
  /** Only the deadline ends it. */
  readonly isSlow?: true
  /** It has kept to what was asked: what one person's entry holds is no ill health of the server. */
  readonly isWell?: true
}[] = [
  {
    name: 'announces two gigabytes and streams them',
    behave: endless,
    says: /sent a message of 2147483653 bytes/,
  },
  {
    name: 'dribbles',
    behave: dribbling,
    says: /did not answer the bind within 400 ms/,
    isSlow: true,
  },
  {
    name: 'is silent',
    behave: silent,
    says: /did not answer the bind within 400 ms/,
    isSlow: true,
  },
  {
    name: 'is a web server',
    behave: speakingHttp,
    says: /sent something that is not LDAP/,
  },
  { name: 'resets connections', behave: resetting, says: /connect/ },
  {
    name: 'drops the connection within an answer',
    behave: (socket) => socket.once('data', () => socket.end(bindResponse(2, 0).subarray(0, 6))),
    says: /closed the connection/,
  },
  {
    name: 'cuts a part short',
    behave: answering(({ id }) => [
      message(id, element(0x61, Buffer.from([0x0a, 1, 0, 4, 0, 4, 0, 0x87, 0x7f]))),
    ]),
    says: /sent a message with a part that is longer than the whole/,
  },
  {
    name: 'says yes without a result code',
    behave: answering(({ id }) => [message(id, element(0x61))]),
    says: /sent a message that lacks a part/,
  },
  {
    name: 'says yes to a bind with the end of a search',
    behave: answering(({ id }) => [searchDone(id, 0)]),
    says: /sent an answer that nobody asked for/,
  },
  {
    name: 'answers another request',
    behave: answering(({ id }) => [bindResponse(id + 1, 0)]),
    says: /did not answer the bind/,
    isSlow: true,
  },
  {
    name: 'answers twice',
    behave: answering(({ id }) => [bindResponse(id, 0), bindResponse(id, 0)]),
    says: /sent an answer that nobody asked for/,
  },
  {
    name: 'says goodbye',
    behave: answering(() => [extendedResponse(0, 52, '1.3.6.1.4.1.1466.20036')]),
    says: /ended the connection: .*\(result code 52\)/,
  },
  {
    name: 'has an entry of a megabyte',
    behave: answeringSearch((id) => [
      searchEntry(id, 'uid=a', { mail: [Buffer.alloc(1024 * 1024)] }),
      searchDone(id),
    ]),
    says: /sent a message of \d+ bytes; .* let groups\.filter/,
    isWell: true,
  },
  {
    name: 'has an entry of forty thousand values',
    behave: answeringSearch((id) => [
      searchEntry(id, 'uid=a', { mail: Array<string>(40_000).fill('') }),
      searchDone(id),
    ]),
    says: /sent more than 32768 parts of an answer; .* let groups\.filter/,
    isWell: true,
  },
  {
    name: 'has no end of entries',
    behave: answeringSearch((id) => entries(id, 10_000)),
    says: /sent more than 32768 parts of an answer/,
  },
]

for (const { name, behave, says, isSlow = false, isWell = false } of behaviours) {
  test(`B9: a directory that ${name} is left in time, and nothing is kept of it`, async () => {
    const directory = await startHostileDirectory(behave)
    const { within, servers } = testDirectory([directory.url], {
      deadlines: isSlow ? deadlines : {},
      breaker: { failures: 100 },
    })
    const kind = isWell ? 'too_large' : 'connection'
    const start = performance.now()
    for (const _ of ['the first time', 'and the next']) {
      const attempt = within(async (session) => {
        await session.bind('cn=x', password)
        await session.search(search)
      })
      await expect(attempt).rejects.toMatchObject({ kind })
      await expect(attempt).rejects.toThrow(says)
    }
    expect(servers.status().ok).toBe(isWell)
    // Whatever is waited for besides takes 20 s or more, each time.
    expect(performance.now() - start).toBeLessThan(10_000)
    expect(directory.accepted()).toBe(2)
    await expect.poll(() => directory.connections()).toBe(0)
  })
}

test('B9: after a hostile answer the next login is as if nothing had been', async () => {
  let isHostile = true
  const broken = bindResponse(2, 0).subarray(0, 6)
  const directory = await startHostileDirectory((socket) => {
    const kind: Behaviour = isHostile
      ? () => socket.once('data', () => socket.end(broken))
      : answeringSearch((id) => [...entries(id, 1), searchDone(id)])
    kind(socket)
  })
  const { within } = testDirectory([directory.url])
  const logIn = () =>
    within(async (session) => {
      expect(await session.bind('cn=x', password)).toBeUndefined()
      return (await session.search(search)).entries.map(({ dn }) => dn)
    })
  await expect(logIn()).rejects.toMatchObject({ kind: 'connection' })
  isHostile = false
  for (const _ of [1, 2, 3]) expect(await logIn()).toEqual(['uid=0'])
})
