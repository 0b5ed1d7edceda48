/** The directory that both contestants ask: OpenLDAP with its people, over TLS, on this machine. */

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './server-process.mjs'

const suffix = 'dc=example,dc=org'
const administrator = { dn: `cn=admin,${suffix}`, password: 'the password of the administrator' }
const nobody = 65_534
const longestStart = 10_000

/**
 * @param people name and password of each; all of them are members of one group
 * @returns what a client needs to know of it, and `stop`
 */
export async function startDirectory(people) {
  // A folder of its own, which belongs to whom the server runs as.
  const folder = mkdtempSync(join(tmpdir(), 'dockwarden-bench-directory-'))
  const data = join(folder, 'data')
  mkdirSync(data, { recursive: true })
  const certificate = makeCertificate(folder)
  const file = join(folder, 'slapd.conf')
  writeFileSync(file, configuration(data, certificate))
  const passwordFile = join(folder, 'password')
  writeFileSync(passwordFile, administrator.password)
  const isRoot = process.getuid() === 0
  if (isRoot) {
    for (const path of [folder, data, file, ...Object.values(certificate)])
      chownSync(path, nobody, nobody)
  }
  const unprivileged = isRoot
    ? ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups']
    : []

  const run = (...args) => {
    const [program, ...rest] = [...unprivileged, '/usr/sbin/slapd', ...args, '-f', file]
    return [program, rest]
  }
  execFileSync(...run('-T', 'add'), {
    input: entries(people),
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  const port = await freePort()
  const slapd = spawn(...run('-h', `ldaps://127.0.0.1:${port}/`, '-d', '0'), { stdio: 'ignore' })
  await accepts(port)
  return {
    host: '127.0.0.1',
    port,
    suffix,
    authority: certificate.certificate,
    account: administrator,
    passwordFile,
    async stop() {
      if (slapd.exitCode !== null || slapd.signalCode !== null) return
      slapd.kill()
      await once(slapd, 'exit')
      rmSync(folder, { recursive: true })
    },
  }
}

function makeCertificate(folder) {
  const [key, certificate] = [join(folder, 'ldap.key'), join(folder, 'ldap.crt')]
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const names = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2']
  execFileSync(
    'openssl',
    ['req', '-x509', ...curve, '-keyout', key, '-out', certificate, ...names],
    {
      stdio: 'pipe',
    },
  )
  return { key, certificate }
}

function configuration(data, { key, certificate }) {
  return `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile ${certificate}
TLSCertificateKeyFile ${key}
attributetype ( 1.2.840.113556.1.2.102 NAME 'memberOf' SYNTAX 1.3.6.1.4.1.1466.115.121.1.12 )
objectclass ( 1.3.6.1.4.1.4203.666.11.11.4.1 NAME 'member' SUP top AUXILIARY MAY memberOf )
database mdb
suffix "${suffix}"
rootdn "${administrator.dn}"
rootpw "${administrator.password}"
directory ${data}
dbnosync
index objectClass,uid eq
`
}

function entries(people) {
  const top = `dn: ${suffix}\nobjectClass: domain\ndc: example\n\n`
  const person = ({ name, password }) => `dn: uid=${name},${suffix}
objectClass: inetOrgPerson
objectClass: member
uid: ${name}
cn: ${name}
sn: ${name}
memberOf: cn=developers,${suffix}
userPassword: ${password}

`
  return top + people.map(person).join('')
}

async function accepts(port) {
  const start = performance.now()
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    const [event] = await Promise.race([
      once(socket, 'connect').then(() => ['connect']),
      once(socket, 'error').then(() => ['error']),
    ]).catch(() => ['error'])
    socket.destroy()
    if (event === 'connect') return
    if (performance.now() - start > longestStart) throw new Error('slapd does not start')
    await sleep(50)
  }
}
