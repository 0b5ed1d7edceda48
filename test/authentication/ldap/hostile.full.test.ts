import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  answering,
  type Behaviour,
  endless,
  startHostileDirectory,
} from '../../support/hostile-directory.ts'
import { bindResponse, requests, searchDone, searchEntry } from '../../support/ldap-messages.ts'
import { run } from '../../support/process.ts'

// A connection's first search is its message 3.
const manyEntries = Array.from({ length: 3000 }, (_, index) =>
  searchEntry(3, `uid=${index}`, { mail: ['a@x'] }),
)
const manyValues = [searchEntry(3, 'uid=a', { mail: Array<string>(40_000).fill('a@x') })]
/** A bind succeeds, and so would the search. */
function answeringSearch(entries: readonly Buffer[]): Behaviour {
  return answering(({ id, tag }) =>
    tag === requests.bind ? [bindResponse(id, 0)] : [...entries, searchDone(id)],
  )
}

/** With how many megabytes more the process may be left by 300 logins; V8 collects large buffers late. */
const behaviours: readonly { name: string; behave: Behaviour; resident: number }[] = [
  { name: 'streams without end', behave: endless, resident: 8 },
  {
    name: 'sends three thousand entries for one',
    behave: answeringSearch(manyEntries),
    resident: 48,
  },
  { name: 'sends forty thousand values', behave: answeringSearch(manyValues), resident: 48 },
]

for (const { name, behave, resident } of behaviours) {
  test(`B9: memory stays where it was while a directory ${name}`, async () => {
    const directory = await startHostileDirectory(behave)
    const script = join(import.meta.dirname, 'repeated-logins.mjs')
    const { stdout, stderr } = await run(process.execPath, ['--expose-gc', script, directory.url], {
      timeout: 240_000,
    })
    expect(stderr).toBe('')
    const grown = JSON.parse(stdout)
    expect(grown.used).toBeLessThan(1)
    expect(grown.resident).toBeLessThan(resident)
    expect(directory.accepted()).toBe(600)
  })
}
