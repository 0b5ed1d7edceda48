/** A server under test: started, waited for, measured by what the kernel counts of it, and ended. */

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync, readFileSync } from 'node:fs'
import { get } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
const longestStart = 60_000

/** A port that was free a moment ago. */
export async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  probe.close()
  await once(probe, 'close')
  return port
}

/**
 * @param tokenPath where it issues tokens
 * @returns the running server, as soon as it answers over HTTP
 */
export async function startServer({ command, environment, folder, port, tokenPath, readyPath }) {
  // Both write their decision log to a file, as a service manager or container engine would have it.
  const log = openSync(join(folder, 'output.log'), 'a')
  const [program, ...args] = command
  const start = performance.now()
  const child = spawn(program, args, {
    cwd: folder,
    env: { ...process.env, ...environment },
    stdio: ['ignore', log, log],
  })
  const origin = `http://127.0.0.1:${port}`
  while (!(await answers(origin + readyPath))) {
    if (child.exitCode !== null || performance.now() - start > longestStart) {
      child.kill('SIGKILL')
      throw new Error(`it did not start: ${command.join(' ')}\n${tail(join(folder, 'output.log'))}`)
    }
    await sleep(5)
  }
  const startMilliseconds = performance.now() - start
  const status = () => readFileSync(`/proc/${child.pid}/status`, 'utf8')
  const cpuSeconds = () => {
    // proc(5): utime and stime are fields 14 and 15, of all threads; field 2 may hold spaces.
    const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1].split(' ')
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
  }
  return {
    startMilliseconds,
    cpuSeconds,
    tokenUrl: (query) => `${origin}${tokenPath}?${query}`,
    /** Resident memory in MB (10⁶ bytes). */
    residentMegabytes: () => (Number(/VmRSS:\s+(\d+)/.exec(status())[1]) * 1024) / 1e6,
    /** Waits until it has finished what a load left behind. */
    async settle() {
      for (let before = cpuSeconds(), now = before + 1; now - before > 0.02; ) {
        before = cpuSeconds()
        await sleep(200)
        now = cpuSeconds()
      }
    },
    async stop() {
      child.kill('SIGTERM')
      const cut = setTimeout(() => child.kill('SIGKILL'), 10_000)
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      clearTimeout(cut)
    },
  }
}

function answers(url) {
  return new Promise((resolve) => {
    get(url, { agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode < 500)
    }).on('error', () => resolve(false))
  })
}

function tail(file) {
  return readFileSync(file, 'utf8').split('\n').slice(-20).join('\n')
}
