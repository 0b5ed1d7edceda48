/** Watching several files: every way in which one changes is noticed, and told once. */

import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { WatchedFiles } from '../../src/reload/watched-files.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const intervalMilliseconds = 40
const open: WatchedFiles[] = []
afterEach(() => {
  for (const files of open.splice(0)) files.close()
})

function site(...names: readonly string[]) {
  const folder = temporaryFolder('watched')
  const changes: string[][] = []
  const files = new WatchedFiles({
    intervalMilliseconds,
    onChange: (paths) => void changes.push(paths.map((path) => basename(path))),
  })
  open.push(files)
  const path = (name: string) => join(folder, name)
  for (const name of names) writeFileSync(path(name), 'old')
  files.watch(names.map(path))
  return { folder, files, changes, path }
}
const looks = (count: number) => sleep(count * 2 * intervalMilliseconds)

const ways: readonly (readonly [string, (path: string) => void])[] = [
  ['written in place', (path) => writeFileSync(path, 'new')],
  ['written in place with as many bytes', (path) => writeFileSync(path, 'olm')],
  [
    'replaced by a rename',
    (path) => {
      writeFileSync(`${path}.new`, 'old')
      renameSync(`${path}.new`, path)
    },
  ],
  ['removed', (path) => rmSync(path)],
]
test.each(ways)('a file that is %s is told once', async (_way, change) => {
  const { changes, path } = site('a', 'b')
  change(path('a'))
  await expect.poll(() => changes).toEqual([['a']])
  await looks(3)
  expect(changes).toEqual([['a']])
})

test('a file that was missing is told when it appears', async () => {
  const { files, changes, path } = site('a')
  files.watch([path('a'), path('later')])
  await looks(2)
  writeFileSync(path('later'), 'new')
  await expect.poll(() => changes).toEqual([['later']])
})

test('several that change at once, as Kubernetes does by turning a link, are told together', async () => {
  const { folder, files, changes, path } = site()
  for (const version of ['1', '2']) {
    mkdirSync(path(version))
    for (const name of ['a', 'b']) writeFileSync(join(path(version), name), 'same')
  }
  symlinkSync('1', path('..data'))
  for (const name of ['a', 'b']) symlinkSync(join('..data', name), path(name))
  files.watch([path('a'), path('b')])
  await looks(2)
  symlinkSync('2', path('..new'))
  renameSync(path('..new'), join(folder, '..data'))
  await expect.poll(() => changes).toEqual([['a', 'b']])
})

test('a file that is being written is told when it holds still', async () => {
  const { changes, path } = site('a')
  for (let count = 0; count < 20; count += 1) {
    writeFileSync(path('a'), `${count}`)
    await sleep(intervalMilliseconds / 4)
  }
  expect(changes).toEqual([])
  await expect.poll(() => changes).toEqual([['a']])
})

test('what was taken is not told, and what comes after it is', async () => {
  const { files, changes, path } = site('a')
  writeFileSync(path('a'), 'new')
  await files.take()
  await looks(3)
  expect(changes).toEqual([])
  writeFileSync(path('a'), 'newer')
  await expect.poll(() => changes).toEqual([['a']])
})

test('what is watched no more, or after the end, is not told', async () => {
  const { files, changes, path } = site('a', 'b')
  files.watch([path('b')])
  writeFileSync(path('a'), 'new')
  await looks(3)
  files.close()
  writeFileSync(path('b'), 'new')
  await looks(3)
  expect(changes).toEqual([])
})
