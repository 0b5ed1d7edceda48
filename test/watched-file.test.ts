import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type FileWatch, watchFile } from '../src/watched-file.ts'

let folder: string
let file: string
let watch: FileWatch
let changes: string[]
let troubles: (string | undefined)[]
const interval = 40

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'watch-'))
  file = join(folder, 'file')
  writeFileSync(file, 'old')
  changes = []
  troubles = []
})

afterEach(() => {
  watch.close()
  rmSync(folder, { recursive: true })
})

function start(path = file): void {
  watch = watchFile(path, {
    intervalMilliseconds: interval,
    onChange: (content) => void changes.push(content.toString()),
    onTrouble: ({ code }) => void troubles.push(code),
  })
}

/** Expects that so much is told, however busy the machine is, and then no more. */
async function expectTold(contents: string[], codes: (string | undefined)[] = []): Promise<void> {
  const told = () => [changes, troubles]
  await expect.poll(told).toEqual([contents, codes])
  await sleep(interval * 6)
  expect(told()).toEqual([contents, codes])
}

describe('a change is told, once, with the new content', () => {
  test.each<[string, () => void]>([
    ['written in place', () => writeFileSync(file, 'new')],
    [
      'written in place, of the same length and with the same time',
      () => {
        writeFileSync(file, 'new')
        utimesSync(file, 1, 1)
      },
    ],
    [
      'another file renamed over it',
      () => {
        writeFileSync(`${file}.new`, 'new')
        renameSync(`${file}.new`, file)
      },
    ],
    [
      'removed and made anew',
      () => {
        rmSync(file)
        writeFileSync(file, 'new')
      },
    ],
  ])('%s', async (_case, change) => {
    start()
    change()
    await expectTold(['new'])
  })

  test('a symbolic link on the way turned, as Kubernetes does', async () => {
    for (const version of ['1', '2']) {
      mkdirSync(join(folder, version))
      writeFileSync(join(folder, version, 'name'), `version ${version}`)
    }
    symlinkSync('1', join(folder, '..data'))
    symlinkSync('..data/name', join(folder, 'name'))
    start(join(folder, 'name'))
    symlinkSync('2', join(folder, '..data_tmp'))
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
    await expectTold(['version 2'])
  })
})

test('without a change nothing is told', async () => {
  start()
  await expectTold([])
})

test('a file that is being written is left alone until it holds still', async () => {
  start()
  truncateSync(file)
  for (let piece = 0; piece < 20; piece += 1) {
    await sleep(interval / 2)
    appendFileSync(file, `${piece} `)
  }
  expect(changes).toEqual([])
  await expectTold(['0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 '])
})

test('a file that is gone is told once, and its return brings the content', async () => {
  start()
  renameSync(file, `${file}.away`)
  await expectTold([], ['ENOENT'])
  renameSync(`${file}.away`, file)
  await expectTold(['old'], ['ENOENT'])
  rmSync(file)
  await expectTold(['old'], ['ENOENT', 'ENOENT'])
})

test('a pipe or a device is told as trouble, and holds up nothing', async () => {
  rmSync(file)
  execFileSync('mkfifo', [file])
  start()
  rmSync(file)
  symlinkSync('/dev/zero', file)
  await expectTold([], ['ENOTFILE'])
  rmSync(file)
  execFileSync('mkfifo', [file])
  await expectTold([], ['ENOTFILE'])
  rmSync(file)
  writeFileSync(file, 'new')
  await expectTold(['new'], ['ENOTFILE'])
})

test('a folder in the place of the file is told as trouble', async () => {
  start()
  rmSync(file)
  mkdirSync(file)
  await expectTold([], ['EISDIR'])
})

test('a change of permissions brings the content again, and no harm', async () => {
  start()
  chmodSync(file, 0o600)
  await expectTold(['old'])
})

test('nothing is told after close', async () => {
  start()
  writeFileSync(file, 'new')
  watch.close()
  await expectTold([])
})

test('nor is what was being looked at while it was closed', async () => {
  start()
  let late = 0
  const closeAt = async (path: string, immediates: number): Promise<void> => {
    let isClosed = false
    writeFileSync(path, 'old')
    const watched = watchFile(path, {
      intervalMilliseconds: 1,
      onChange() {
        if (isClosed) late += 1
      },
    })
    writeFileSync(path, 'new')
    // At every moment of a look, which is some turns of the event loop long.
    for (let turn = 0; turn < immediates; turn += 1) await nextTurn()
    isClosed = true
    watched.close()
  }
  for (let round = 0; round < 12; round += 1) {
    const paths = Array.from({ length: 50 }, (_, index) => join(folder, String(index)))
    await Promise.all(paths.map((path, index) => closeAt(path, 10 * index + round)))
  }
  await sleep(interval)
  expect(late).toBe(0)
})

test('a slow listener is not called again before it has ended', async () => {
  let running = 0
  let most = 0
  watch = watchFile(file, {
    intervalMilliseconds: interval,
    async onChange() {
      running += 1
      most = Math.max(most, running)
      await sleep(interval * 5)
      running -= 1
    },
  })
  for (let change = 0; change < 4; change += 1) {
    writeFileSync(file, `${change}`)
    await sleep(interval * 3)
  }
  expect(most).toBe(1)
})
