/** What makes the configuration be read anew, and who hears of it. */

import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { checkHtpasswd } from '../../src/authentication/htpasswd/htpasswd-file.ts'
import type { Config } from '../../src/config/config.ts'
import { loadConfig } from '../../src/config/load.ts'
import { Reloader } from '../../src/reload/reloader.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const open: Reloader[] = []
afterEach(async () => {
  for (const reloader of open.splice(0)) await reloader.stop()
})

/** A server that needs its htpasswd files, and nothing else of what it is given. */
async function site(text: string) {
  const folder = temporaryFolder('reloader')
  const file = join(folder, 'dockwarden.yml')
  const write = (content: string, name = 'dockwarden.yml') =>
    writeFileSync(join(folder, name), content)
  write(text)
  let loads = 0
  const issuers: string[] = []
  const refusals: string[] = []
  const causes: unknown[] = []
  const tell = (fields: object) => void causes.push((fields as { cause: unknown }).cause)
  const reloader = new Reloader({
    file,
    load: async () => {
      loads += 1
      return await loadConfig({ file, env: {}, workingFolder: folder })
    },
    log: { info: tell, warn() {}, error: tell },
  })
  open.push(reloader)
  await reloader.load()
  reloader.start({
    async reload({ authentication, issuer }: Config) {
      for (const entry of authentication) {
        if (entry.kind === 'htpasswd') await checkHtpasswd(entry.file)
      }
      issuers.push(issuer)
    },
    refuse: (reason) => void refusals.push(reason),
  })
  return { reloader, file, write, issuers, refusals, causes, loads: () => loads }
}
const patient = { timeout: 30_000 }

test('who asks while a reload is under way shares the next one with the others', async () => {
  const { reloader, write, loads, causes } = await site('issuer: first')
  const before = loads()
  const first = reloader.reload('one')
  // Until it has begun.
  while (loads() === before) await sleep(1)
  write('issuer: second\nservices: [{ name: second }]')
  const rest = ['two', 'three', 'three'].map((cause) => reloader.reload(cause))
  await first
  for (const each of rest) expect(await each).toMatchObject({ ok: true, services: ['second'] })
  expect(loads()).toBe(before + 2)
  expect(causes).toEqual(['one', 'two, three'])
})

test('a refused file is told as lines, and mending it is noticed', async () => {
  const { reloader, write, issuers, refusals } = await site('issuer: first')
  write('isuer: x\nrules: [{ who: [anyone], may: [pull], on: ["A"] }]')
  const result = await reloader.reload('test')
  expect(result).toMatchObject({ ok: false, reasons: [/:1:1: isuer: /, /:2:\d+: rules/].map(like) })
  expect(refusals).toEqual([expect.stringMatching(/is an older one: .*isuer/)])
  write('issuer: mended')
  await expect.poll(() => issuers, patient).toEqual(['mended'])
})

test('a reload that was refused for a file that is missing is tried again when the file appears', async () => {
  const { reloader, write, issuers, causes } = await site('issuer: first')
  write('issuer: second\nauthentication: [{ htpasswd: { file: later } }]')
  expect(await reloader.reload('test')).toMatchObject({ ok: false, reasons: [like(/later/)] })
  write('', 'later')
  await expect.poll(() => issuers, patient).toEqual(['second'])
  expect(causes).toEqual(['test', 'later changed'])
})

test('so is one whose candidate of rules does not hold, and the candidate in force is followed', async () => {
  const { reloader, write, issuers, causes } = await site('issuer: first')
  write('issuer: second\nrules_candidate: next.yml')
  expect(await reloader.reload('test')).toMatchObject({ ok: false, reasons: [like(/next\.yml/)] })
  const rule = (may: string) => `rules: [{ who: [anyone], may: [${may}], on: ["a/**"] }]`
  write(rule('pul'), 'next.yml')
  await expect.poll(() => causes, patient).toEqual(['test', 'next.yml changed'])
  write(rule('pull'), 'next.yml')
  await expect.poll(() => issuers, patient).toEqual(['second'])
  write(rule('push'), 'next.yml')
  await expect.poll(() => issuers, patient).toEqual(['second', 'second'])
})

test('a file that vanishes is refused, and taken when it is back', async () => {
  const { file, write, issuers, refusals } = await site('issuer: first')
  rmSync(file)
  await expect.poll(() => refusals, patient).toEqual([like(/there is no such file/)])
  write('issuer: back')
  await expect.poll(() => issuers, patient).toEqual(['back'])
})

test('an htpasswd file that is in force is left to its backend', async () => {
  const text = 'authentication: [{ htpasswd: { file: htpasswd } }]'
  const { reloader, write, causes } = await site(text)
  write('', 'htpasswd')
  expect(await reloader.reload('test')).toMatchObject({ ok: true })
  write('alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=', 'htpasswd')
  await sleep(2_500)
  expect(causes).toEqual(['test'])
})

test('once it is stopped, whoever asks is told so', async () => {
  const { reloader, issuers } = await site('issuer: first')
  await reloader.stop()
  expect(await reloader.reload('test')).toEqual({ ok: false, reasons: ['the server is stopping'] })
  expect(issuers).toEqual([])
})

const like = (pattern: RegExp) => expect.stringMatching(pattern)
