import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { holdLogin } from '../end-to-end/held-request.ts'
import { program } from '../support/dockwarden.ts'
import { freePort } from '../support/free-port.ts'
import { run, startProcess } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** A folder with a configuration for this service, and the arguments that serve it. */
function site(port: number) {
  const folder = temporaryFolder('serve')
  const file = join(folder, 'dockwarden.yml')
  const write = (service: string) =>
    writeFileSync(
      file,
      `server: { listen: "127.0.0.1:${port}" }\nservices: [{ name: ${service} }]\n`,
    )
  write('first')
  const start = () => startProcess(process.execPath, [program, 'serve', '--config', file])
  return { folder, file, write, start, url: `http://127.0.0.1:${port}` }
}

const answers = (url: string) =>
  fetch(url).then(
    ({ ok }) => ok,
    () => false,
  )

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s during the start ends the server in order as soon as it has started',
  async (signal) => {
    const { start, folder } = site(await freePort())
    const server = start()
    // The first thing that a start makes, some time before it is ready.
    await server.waitUntil('make its CA', async () => existsSync(join(folder, 'keys', 'ca.key')))
    server.signal(signal)
    expect(await server.exit()).toEqual({ code: 0, signal: null })
    expect(server.stdout).toMatch(/"stopped"\}\n$/)
  },
)

test('a change of the configuration is in force, whenever during the start it is made', async () => {
  for (const delay of [100, 250, 400, 600]) {
    const { start, write, url } = site(await freePort())
    await using server = start()
    await sleep(delay)
    write('second')
    const token = `${url}/token?service=second&scope=x`
    await server.waitUntil('take the change', () => answers(token))
  }
}, 240_000)

test('SIGHUP while the server stops does not cut off what is in flight', async () => {
  const { start, url } = site(await freePort())
  const server = start()
  await server.waitUntil('become ready', () => answers(`${url}/readyz`))
  const login = await holdLogin(url, 'first')
  server.signal('SIGTERM')
  await server.waitForOutput(/stopping: /)
  server.signal('SIGHUP')
  await sleep(20)
  expect(await login.finish()).toBe(401)
  expect(await server.exit()).toEqual({ code: 0, signal: null })
})

test('SIGTERM while a reload loads stops the listening at once, and the load', async () => {
  const { start, file, url } = site(await freePort())
  await using server = start()
  await server.waitUntil('become ready', () => answers(`${url}/readyz`))
  // A second of work, and as much as a file may hold.
  const rules = Array.from(
    { length: 13_000 },
    (_, index) =>
      `- { name: r${index}, who: ["group:g${index}"], may: [pull], on: ["a${index}/**"] }`,
  )
  const { port } = new URL(url)
  writeFileSync(file, `server: { listen: "127.0.0.1:${port}" }\nrules:\n${rules.join('\n')}\n`)
  server.signal('SIGHUP')
  await sleep(100)
  const toldAt = performance.now()
  server.signal('SIGTERM')
  while (await answers(`${url}/healthz`)) await sleep(5)
  expect(performance.now() - toldAt).toBeLessThan(1000)
  expect(await server.exit(5_000)).toEqual({ code: 0, signal: null })
  expect(server.stdout).not.toContain('configuration is in force')
  expect(server.stdout).not.toContain('configuration stays in force')
})

test('a person who closes the terminal stops the server that prints a guide', async () => {
  const { file, url } = site(await freePort())
  const server = startProcess(process.execPath, [program, 'serve', '--guide', '--config', file])
  await server.waitUntil('become ready', () => answers(`${url}/readyz`))
  server.signal('SIGHUP')
  expect(await server.exit()).toEqual({ code: 0, signal: null })
})

test('B38: a hundred faults at a reload are one log line under 8 kB', async () => {
  const { start, file, url } = site(await freePort())
  await using server = start()
  await server.waitUntil('become ready', () => answers(`${url}/readyz`))
  const faults = Array.from(
    { length: 100 },
    (_, index) => `no_such_key_${index}: "${'é'.repeat(200)}"`,
  )
  writeFileSync(file, faults.join('\n'))
  const [, line = ''] = await server.waitForOutput(/^(.*the old configuration stays in force.*)$/m)
  expect(Buffer.byteLength(line)).toBeLessThan(8192)
  expect(JSON.parse(line).reason).toMatch(
    /:1:1: no_such_key_0: (?:.|\n)*and \d+ more: see dockwarden check$/,
  )
})

test('a log level that does not exist is named, with those that do', async () => {
  const { file } = site(0)
  const env = { DOCKWARDEN_LOG_LEVEL: 'verbose' }
  const { code, stderr } = await run(process.execPath, [program, 'serve', '--config', file], {
    env,
  })
  expect(code).toBe(1)
  expect(stderr).toBe(
    'dockwarden: DOCKWARDEN_LOG_LEVEL is "verbose"; it must be one of error, warn, info, debug, trace\n',
  )
})

test('an IPv6 address that cannot be listened on is told as the configuration writes it', async () => {
  const { file } = site(0)
  // Reserved for documentation (RFC 3849): no machine has it.
  writeFileSync(file, 'server: { listen: "[2001:db8::1]:5001" }\n')
  const { code, stderr } = await run(process.execPath, [program, 'serve', '--config', file])
  expect(code).toBe(1)
  expect(stderr).toContain('cannot listen on [2001:db8::1]:5001 (server.listen): ')
})

test('where the log cannot be written the server answers, and stops when it is told to', async () => {
  const port = await freePort()
  const { file, url } = site(port)
  const full = openSync('/dev/full', 'w')
  const server = spawn(process.execPath, [program, 'serve', '--config', file], {
    stdio: ['ignore', full, 'inherit'],
  })
  closeSync(full)
  try {
    while (!(await answers(`${url}/readyz`))) await sleep(50)
    // Longer than lines wait for company.
    await sleep(500)
    expect(await answers(`${url}/token?service=first&scope=x`)).toBe(true)
    server.kill('SIGTERM')
    expect(await once(server, 'exit')).toEqual([0, null])
  } finally {
    server.kill('SIGKILL')
  }
})
