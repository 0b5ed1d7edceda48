/** Docker's compose plugin: where it is, and how to get it where the distribution has only version 1. */

import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { type RunResult, run } from './process.ts'
import { temporaryFolder } from './temporary-folder.ts'

const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')

const folders = [
  join(cache, 'dockwarden', 'parts', 'cli-plugins'),
  join(homedir(), '.docker', 'cli-plugins'),
  '/usr/local/lib/docker/cli-plugins',
  '/usr/libexec/docker/cli-plugins',
  '/usr/lib/docker/cli-plugins',
] as const

/** A folder for the client's `cliPluginsExtraDirs`. */
export const composePluginFolder: string =
  folders.find((folder) => existsSync(join(folder, 'docker-compose'))) ?? folders[0]

/**
 * Fetches compose 2 from Debian 13 where no plugin is installed; it runs on Debian 12 as well.
 *
 * @throws where apt cannot get it
 */
export async function ensureComposePlugin(): Promise<void> {
  if (existsSync(join(composePluginFolder, 'docker-compose'))) return
  const folder = temporaryFolder('compose')
  const sources = join(folder, 'sources.list')
  for (const path of ['lists/partial', 'cache/archives/partial'])
    mkdirSync(join(folder, path), { recursive: true })
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'
  const mirror = 'http://deb.debian.org/debian'
  writeFileSync(sources, `deb [signed-by=${keyring}] ${mirror} trixie main\n`)
  // Lists and state of its own: the machine's apt knows nothing of the newer release.
  const options = [
    `Dir::Etc::SourceList=${sources}`,
    'Dir::Etc::SourceParts=/dev/null',
    `Dir::State::lists=${join(folder, 'lists')}`,
    'Dir::State::status=/dev/null',
    `Dir::Cache=${join(folder, 'cache')}`,
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option])
  succeeded(await run('apt-get', [...options, 'update'], { timeout: 120_000 }))
  succeeded(
    await run('apt-get', [...options, 'download', 'docker-compose'], {
      cwd: folder,
      timeout: 300_000,
    }),
  )
  succeeded(await run('sh', ['-c', 'dpkg -x docker-compose_*.deb unpacked'], { cwd: folder }))
  mkdirSync(composePluginFolder, { recursive: true })
  copyFileSync(
    join(folder, 'unpacked/usr/libexec/docker/cli-plugins/docker-compose'),
    join(composePluginFolder, 'docker-compose'),
  )
}

function succeeded({ code, output }: RunResult): void {
  if (code !== 0) throw new Error(`compose could not be fetched:\n${output}`)
}
