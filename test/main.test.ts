import { join } from 'node:path'
import { expect, test } from 'vitest'
import { program } from './support/dockwarden.ts'
import { run } from './support/process.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

/** A shell opens what a program cannot name itself. */
const shell = (script: string) =>
  run('bash', ['-c', script], { env: { NODE: process.execPath, DOCKWARDEN: program } })

test.each(['schema', '--version', '--help'])(
  'what %s prints does not fit on the disk: it says so, and fails',
  async (words) => {
    const { code, stderr } = await shell(`"$NODE" "$DOCKWARDEN" ${words} > /dev/full`)
    expect([code, stderr]).toEqual([
      1,
      'dockwarden: standard output cannot be written: ENOSPC: no space left on device, write\n',
    ])
  },
)

test('so it is where the beginning still fits', async () => {
  const file = join(temporaryFolder('full'), 'schema.json')
  const { code, stderr } = await shell(
    `trap '' XFSZ; ulimit -f 4; "$NODE" "$DOCKWARDEN" schema > "${file}"`,
  )
  expect([code, stderr]).toEqual([
    1,
    'dockwarden: standard output cannot be written: EFBIG: file too large, write\n',
  ])
})

test('another exit code than 0 stays', async () => {
  const { code } = await shell('"$NODE" "$DOCKWARDEN" explain --exit-code a > /dev/full 2>&1')
  expect(code).toBe(2)
})

test('a reader that has gone has what it wanted', async () => {
  const { stdout, stderr } = await shell('{ "$NODE" "$DOCKWARDEN" schema; echo "$?" >&2; } | true')
  expect([stdout, stderr]).toEqual(['', '0\n'])
})
