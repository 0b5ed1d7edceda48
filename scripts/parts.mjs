/**
 * Gets the real programs that the tests run against. On Debian as root it installs what is missing;
 * elsewhere the tests use what they find and say what they skip.
 */

import { spawnSync } from 'node:child_process'
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, isAbsolute, join } from 'node:path'
import { run } from './setup.mjs'

const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'dockwarden', 'parts')
const bin = join(folder, 'bin')

/** Program, or the path of a file that is none → Debian package. */
const packages = {
  fast: {
    'docker-registry': 'docker-registry',
    nginx: 'nginx-light',
    skopeo: 'skopeo',
    htpasswd: 'apache2-utils',
    envsubst: 'gettext-base',
    'systemd-analyze': 'systemd',
    openssl: 'openssl',
    curl: 'curl',
    script: 'bsdutils',
    slapd: 'slapd',
    ldapsearch: 'ldap-utils',
  },
  full: {
    dockerd: 'docker.io',
    iptables: 'iptables',
    podman: 'podman',
    debootstrap: 'debootstrap',
    samba: 'samba-ad-dc',
    // A file server has samba as well, but not these.
    winbindd: 'samba-ad-dc',
    '/usr/share/samba/setup/provision.ldif': 'samba-ad-provision',
    'ns-slapd': '389-ds-base',
  },
}

/** Built with the Go toolchain into the cache folder, because Debian has no such version. */
const goPrograms = [
  {
    name: 'registry',
    version: 'v3.1.1',
    module: 'github.com/distribution/distribution/v3/cmd/registry',
    printVersion: '--version',
  },
  {
    name: 'crane',
    version: 'v0.22.1',
    module: 'github.com/google/go-containerregistry/cmd/crane',
    printVersion: 'version',
  },
]

/** Installs what the suite needs, `fast` or `full`. A part that cannot be had is left to the tests. */
export function installParts(suite) {
  const wanted = suite === 'full' ? { ...packages.fast, ...packages.full } : packages.fast
  installPackages(wanted)
  if (suite !== 'full') return
  for (const program of goPrograms) installGoProgram(program)
  installCompose()
}

function installPackages(wanted) {
  const missing = Object.entries(wanted).filter(([program]) => find(program) === undefined)
  if (missing.length === 0) return
  if (!isDebianRoot()) {
    const names = missing.map(([program]) => program).join(', ')
    console.log(`Not found: ${names}. Tests that need them are skipped.`)
    return
  }
  const names = missing.map(([, name]) => name)
  console.log(`Installing Debian packages for the tests: ${names.join(' ')} …`)
  withoutServices(() => {
    const install = ['install', '-y', '-qq', '--no-install-recommends', ...names]
    if (apt(install).status === 0) return
    // The package lists are missing or old.
    for (const args of [['update', '-qq'], install]) {
      const { status, stderr } = apt(args)
      if (status !== 0) console.log(`apt-get ${args[0]}: ${stderr.trim()}`)
    }
  })
}

function apt(args) {
  return spawnSync('apt-get', args, {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    encoding: 'utf8',
  })
}

/** The packages' own services must not start: they would take ports 80 and 5000 of this machine. */
function withoutServices(install) {
  const policy = '/usr/sbin/policy-rc.d'
  if (existsSync(policy)) return install()
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    return install()
  } finally {
    rmSync(policy)
  }
}

function installGoProgram({ name, version, module, printVersion }) {
  const printed = spawnSync(join(bin, name), [printVersion], { encoding: 'utf8' })
  if (printed.stdout?.includes(version)) return
  if (find('go') === undefined)
    return console.log(`Not found: go, which builds ${name} ${version}. Its tests are skipped.`)
  console.log(`Building ${name} ${version} …`)
  mkdirSync(bin, { recursive: true })
  run('go', ['install', `${module}@${version}`], { env: { ...process.env, GOBIN: bin } })
}

/** Debian 12 has only compose 1; the package of Debian 13 is one static program that runs on 12. */
function installCompose() {
  const plugins = join(folder, 'cli-plugins')
  const docker = find('docker')
  if (docker === undefined || existsSync(join(plugins, 'docker-compose'))) return
  if (spawnSync(docker, ['compose', 'version']).status === 0) return
  const mirror = debianMirror()
  if (!isDebianRoot() || mirror === undefined)
    return console.log('Not found: docker compose. Tests that need it are skipped.')
  console.log('Installing docker compose for the tests …')
  const work = join(folder, 'apt')
  mkdirSync(join(work, 'lists', 'partial'), { recursive: true })
  mkdirSync(plugins, { recursive: true })
  writeFileSync(
    join(work, 'sources.list'),
    `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror} trixie main\n`,
  )
  const separate = [
    `Dir::Etc::sourcelist=${join(work, 'sources.list')}`,
    'Dir::Etc::sourceparts=-',
    `Dir::State::lists=${join(work, 'lists')}`,
    'Dir::State::status=/dev/null',
    `Dir::Cache=${work}`,
    // The folder belongs to root, and apt's own user may not write there.
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option])
  run('apt-get', [...separate, 'update', '-qq'])
  run('apt-get', [...separate, 'download', '-qq', 'docker-compose'], { cwd: work })
  const file = readdirSync(work).find((name) => /^docker-compose_.*\.deb$/.test(name))
  if (file === undefined) return
  run('dpkg', ['-x', file, 'unpacked'], { cwd: work })
  const plugin = join('usr', 'libexec', 'docker', 'cli-plugins', 'docker-compose')
  run('cp', [join(work, 'unpacked', plugin), plugins])
  rmSync(work, { recursive: true })
}

function debianMirror() {
  const from = ['Created-By: Packages', 'Origin: Debian', 'Label: Debian', 'Component: main']
  const targets = ['indextargets', '--format', '$(REPO_URI)', ...from]
  const { stdout } = spawnSync('apt-get', targets, { encoding: 'utf8' })
  return stdout?.split('\n').find((line) => line !== '')
}

function isDebianRoot() {
  return process.getuid?.() === 0 && existsSync('/etc/debian_version')
}

function find(program) {
  if (isAbsolute(program)) return existsSync(program) ? program : undefined
  const folders = [bin, '/usr/bin', '/usr/sbin', ...(process.env.PATH ?? '').split(delimiter)]
  return folders
    .map((folder) => join(folder, program))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}
