/** "Registry and nginx are services of the machine": the commands, in a root folder of the test's own. */

import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { makeCertificate } from '../support/certificate.ts'
import { freePort } from '../support/free-port.ts'
import { mainConfig } from '../support/nginx.ts'
import { describeWithParts, requirePart } from '../support/parts.ts'
import { type RunningProcess, run, startProcess } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { clone } from './clone.ts'
import { fencedBlocks } from './markdown.ts'
import { readme, root } from './readme.ts'

let machine: string
let folder: string
beforeAll(async () => {
  machine = temporaryFolder('machine')
  folder = await clone()
  for (const path of ['opt', 'etc/systemd/system', 'etc/docker/registry', 'etc/nginx/conf.d'])
    mkdirSync(join(machine, path), { recursive: true })
})

/** The machine's own folders become ours; a word's start is needed, so that `a/etc/b` stays. */
const moved = (text: string): string =>
  text.replace(/(?<=^|[\s"=:])(?=\/(?:opt|etc|var)\/)/gm, machine)

async function shell(script: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const { code, output } = await run('bash', ['--norc', '-euc', script], { cwd: folder, env })
  if (code !== 0) throw new Error(`${script} failed (${code}):\n${output}`)
  return output
}

const unit = readFileSync(join(root, 'deploy/systemd/dockwarden.service'), 'utf8')
const setting = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1] ?? ''

describeWithParts('Dockwarden becomes a third service', ['systemd-analyze'], () => {
  test('the files get to where the unit looks for them', async () => {
    // `npm ci` takes a minute, and would empty the folder of packages that this clone only links to.
    await shell(moved(readme.serviceInstall).replace('npm ci', 'test -e node_modules'))
    const [node = '', ...args] = setting('ExecStart').split(' ')
    expect(node).toMatch(/\/node$/)
    expect(args.slice(1, 3)).toEqual(['serve', '--config'])
    for (const path of [args[0], args[3]]) expect(existsSync(join(machine, path ?? ''))).toBe(true)
    expect(existsSync(join(machine, 'etc/systemd/system/dockwarden.service'))).toBe(true)
    // The state is where systemd lets the service write.
    const { database, keys } = parse(
      readFileSync(join(machine, 'etc/dockwarden/dockwarden.yml'), 'utf8'),
    )
    expect([database, keys]).toEqual([
      expect.stringMatching(`^sqlite:/var/lib/${setting('StateDirectory')}/`),
      expect.stringMatching(`^/var/lib/${setting('StateDirectory')}/`),
    ])
  })

  test('systemd has nothing to say against the unit', async () => {
    const copy = join(temporaryFolder('unit'), 'dockwarden.service')
    writeFileSync(copy, unit.replace('/usr/bin/node', process.execPath))
    const { code, output } = await run('systemd-analyze', ['verify', '--man=no', copy])
    expect({ code, output }).toEqual({ code: 0, output: '' })
  })

  test('the service starts, and the registry gets its certificate', async () => {
    const port = await freePort()
    const file = join(machine, 'etc/dockwarden/dockwarden.yml')
    const config = moved(readFileSync(file, 'utf8')).replace('127.0.0.1:5001', `127.0.0.1:${port}`)
    writeFileSync(file, config)
    // systemd makes this one.
    mkdirSync(join(machine, 'var/lib/dockwarden'), { recursive: true, mode: 0o700 })
    const [, ...args] = moved(setting('ExecStart')).split(' ')
    await using server: RunningProcess = startProcess(process.execPath, args, { cwd: '/' })
    await server.waitForOutput(/"event":"start"/)

    const [enable = '', journal = '', install = ''] = readme.serviceStart.trim().split('\n')
    // Without systemd as process 1, a unit can be enabled in another root, but not started.
    await shell(enable.replace('systemctl enable --now', `systemctl --root=${machine} enable`))
    const wanted = join(machine, 'etc/systemd/system/multi-user.target.wants')
    expect(readdirSync(wanted)).toEqual(['dockwarden.service'])
    const log = join(machine, 'journal')
    writeFileSync(log, server.output)
    expect(await shell(journal.replace('journalctl -u dockwarden', `cat ${log}`))).toMatch(
      /^admin password: \S{20,}\n$/,
    )
    await shell(moved(install))
    const certificate = join(machine, 'etc/docker/registry/dockwarden-ca.crt')
    expect(readFileSync(certificate, 'utf8')).toContain('BEGIN CERTIFICATE')
    expect(statSync(certificate).mode & 0o777).toBe(0o644)
  })
})

describeWithParts('nginx gets the three files', ['nginx', 'envsubst'], () => {
  const blocks = fencedBlocks(readFileSync(join(root, 'deploy/nginx/README.md'), 'utf8'))

  test.each(['https', 'http'])(
    'over %s, by the commands of deploy/nginx/README.md',
    async (scheme) => {
      const certificate = await makeCertificate()
      const nginxFolder = join(machine, 'etc/nginx')
      writeFileSync(join(nginxFolder, 'nginx.conf'), mainConfig(nginxFolder))
      const checkOurs = `${requirePart('nginx')} -p ${nginxFolder} -c nginx.conf -t`
      expect(blocks).toHaveLength(1)
      const [{ text } = { text: '' }] = blocks
      const script = moved(text).replace('nginx -t && nginx -s reload', checkOurs)
      expect(script).toContain(checkOurs)
      const output = await shell(script, {
        PROXY_SCHEME: scheme,
        PROXY_LISTEN: String(await freePort()),
        PROXY_SERVER_NAME: 'registry.example.com',
        PROXY_CERTIFICATE: certificate.certificate,
        PROXY_CERTIFICATE_KEY: certificate.key,
        PROXY_AUTH: '127.0.0.1:5001',
        PROXY_REGISTRY: '127.0.0.1:5000',
        PROXY_RESOLVER: '127.0.0.1',
        PROXY_TERMINATOR: 'unix:',
      })
      expect(output).toContain('test is successful')
    },
  )
})
