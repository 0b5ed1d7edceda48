/** Dockwarden and its rival, each made to serve the same rules to the same people. */

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort, startServer } from './server-process.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const rivalBuild = join(root, '../shared/rivals/build')

/** What is asked of either: the repository of the last rule, which an ordered list finds last. */
export function pullQuery(rules) {
  return `service=registry&scope=repository:team-${rules}/app:pull`
}

/** @returns docker_auth's path, or undefined where it is not there and cannot be built */
export function findRival() {
  const given = process.env['DOCKWARDEN_RIVAL']
  if (given !== undefined) return given
  if (!existsSync(rivalBuild)) return undefined
  const program = join(root, '.cache/docker_auth')
  execFileSync(rivalBuild, [program], { stdio: 'inherit' })
  return program
}

/**
 * @param folder empty or absent; holds configuration, keys, database and logs
 * @param rules how many rules, each letting anybody pull below another name
 * @param users name and password hash of each
 * @param directory where users are found instead, see directory.mjs
 */
export async function startDockwarden({ folder, rules, users, directory }) {
  mkdirSync(folder, { recursive: true })
  const port = await freePort()
  const lines = users.map(({ name, hash }) => `${name}:${hash}\n`)
  writeFileSync(join(folder, 'htpasswd'), lines.join(''))
  const rule = (number) => `  - { who: [anyone], may: [pull], on: ["team-${number}/**"] }\n`
  writeFileSync(
    join(folder, 'dockwarden.yml'),
    `server: { listen: "127.0.0.1:${port}", public_url: "http://127.0.0.1:${port}", trusted_proxies: ["127.0.0.1"] }
services: [{ name: registry }]
database: sqlite:dockwarden.db
keys: keys
authentication:
  - ${directory ? ldapEntry(directory) : 'htpasswd: { file: htpasswd }'}
rules:
${numbers(rules).map(rule).join('')}`,
  )
  return startServer({
    command: [process.execPath, join(root, 'dist/main.js'), 'serve', '--config', 'dockwarden.yml'],
    // As in the image.
    environment: { NODE_ENV: 'production', UV_THREADPOOL_SIZE: '2' },
    folder,
    port,
    tokenPath: '/token',
    readyPath: '/readyz',
  })
}

/** The groups are read where docker_auth can read them too: in the person's own entry. */
function ldapEntry({ host, port, suffix, authority, account }) {
  return `ldap:
      preset: openldap
      urls: "ldaps://${host}:${port}"
      base: "${suffix}"
      bind: { dn: "${account.dn}", password: "${account.password}" }
      tls: { ca_file: "${authority}" }
      groups: { mode: member_of, nested: false }`
}

/** As {@link startDockwarden}. Its key is P-256 and its log is a file, as by its own default. */
export async function startDockerAuth(program, { folder, rules, users, directory }) {
  mkdirSync(folder, { recursive: true })
  const port = await freePort()
  const [key, certificate] = [join(folder, 'token.key'), join(folder, 'token.crt')]
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const output = ['-keyout', key, '-out', certificate, '-subj', '/CN=bench', '-days', '2']
  execFileSync('openssl', ['req', '-x509', ...curve, ...output], { stdio: 'pipe' })
  const rule = (number) => `  - { match: { name: "team-${number}/*" }, actions: [pull] }\n`
  const user = ({ name, hash }) => `  "${name}": { password: "${hash}" }\n`
  writeFileSync(
    join(folder, 'docker_auth.yml'),
    `server: { addr: "127.0.0.1:${port}" }
token: { issuer: bench, expiration: 300, certificate: "${certificate}", key: "${key}" }
users:
  "": {}
${users.map(user).join('')}${directory ? ldapSection(directory) : ''}acl:
${numbers(rules).map(rule).join('')}`,
  )
  const command = [program, `-log_dir=${folder}`, join(folder, 'docker_auth.yml')]
  return startServer({ command, folder, port, tokenPath: '/auth', readyPath: '/' })
}

function ldapSection({ host, port, suffix, authority, account, passwordFile }) {
  return `ldap_auth:
  addr: "${host}:${port}"
  tls: always
  ca_certificate: "${authority}"
  base: "${suffix}"
  filter: "(&(uid=\${account})(objectClass=person))"
  bind_dn: "${account.dn}"
  bind_password_file: "${passwordFile}"
  labels: { groups: { attribute: memberOf, parse_cn: true } }
`
}

/** The floor beneath both: see floor-server.mjs. */
export async function startFloor({ folder }) {
  mkdirSync(folder, { recursive: true })
  const port = await freePort()
  return startServer({
    command: [process.execPath, join(root, 'bench/floor-server.mjs'), String(port)],
    environment: { UV_THREADPOOL_SIZE: '2' },
    folder,
    port,
    tokenPath: '/token',
    readyPath: '/',
  })
}

function numbers(count) {
  return Array.from({ length: count }, (_, index) => index + 1)
}
