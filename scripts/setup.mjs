/** The set-up that every command needs on a fresh clone: Node's version, the packages, the build. */

import { spawnSync } from 'node:child_process'
import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The project's folder, absolute. */
export const root = fileURLToPath(new URL('..', import.meta.url))

/** Leaves nothing undone that `node dist/main.js` needs; ends the process with one line where it cannot. */
export function setUp({ clean = false } = {}) {
  requireNode()
  requireWritable()
  installPackages()
  // A module that was deleted from src/ must not live on in what is tested.
  if (clean) rmSync(join(root, 'dist'), { recursive: true, force: true })
  if (!build()) fail('The build failed.')
}

/** Compiles src/ to dist/; the compiler prints what is wrong. @returns whether nothing is */
export function build() {
  return runPackage('tsc', ['-p', 'tsconfig.build.json']) === 0
}

/** Runs a program in the project's folder with our own output. Returns its exit code. */
export function run(program, args, options = {}) {
  const result = spawnSync(program, args, { cwd: root, stdio: 'inherit', ...options })
  if (result.error !== undefined) fail(`${program} cannot be run: ${result.error.message}`)
  return result.status ?? 1
}

/** Runs a program of a development dependency. */
export function runPackage(name, args, options = {}) {
  return run(join(root, 'node_modules', '.bin', name), args, options)
}

export function fail(message) {
  console.error(message)
  process.exit(1)
}

function requireNode() {
  const { engines } = readJson('package.json')
  const [major, minor] = engines.node.replace('>=', '').split('.').map(Number)
  const [ownMajor, ownMinor] = process.versions.node.split('.').map(Number)
  if (ownMajor > major || (ownMajor === major && ownMinor >= minor)) return
  fail(`Dockwarden needs Node ${engines.node}, this is Node ${process.versions.node}.`)
}

/** Asked here, because the compiler would complain once for every file. */
function requireWritable() {
  const dist = join(root, 'dist')
  try {
    mkdirSync(dist, { recursive: true })
    accessSync(dist, constants.W_OK)
  } catch ({ code }) {
    const folder = existsSync(dist) ? dist : root
    fail(`Cannot write to ${folder} (${code}): run this as its owner, or give the project to you.`)
  }
}

function installPackages() {
  // A linked folder belongs to another checkout: `npm ci` would empty it.
  if (packagesAreCurrent() || isLink('node_modules')) return
  console.log('Installing the npm packages (about a minute, once) …')
  const code = run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
  if (code !== 0) fail('npm ci failed: its reason stands above.')
}

/** Whether node_modules holds what package-lock.json asks for. Optional packages depend on the platform. */
function packagesAreCurrent() {
  try {
    const wanted = readJson('package-lock.json').packages
    const installed = readJson('node_modules/.package-lock.json').packages
    return Object.entries(wanted).every(
      ([path, { version, optional }]) =>
        path === '' || optional || installed[path]?.version === version,
    )
  } catch {
    return false
  }
}

function isLink(path) {
  return lstatSync(join(root, path), { throwIfNoEntry: false })?.isSymbolicLink() ?? false
}

function readJson(path) {
  return JSON.parse(readFileSync(join(root, path), 'utf8'))
}
