// A process of its own that opens the token CA of a folder at a given moment: for the race test.
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const [module, folder, start, user] = process.argv.slice(2)
const { openCertificateAuthority } = await import(module)
const silent = { info() {}, warn() {}, error() {} }
if (user !== undefined && process.getuid() === 0) {
  process.setgid(Number(user))
  process.setuid(Number(user))
}
await sleep(Math.max(0, Number(start) - Date.now()))
try {
  const authority = await openCertificateAuthority({
    folder,
    purpose: 'token',
    clock: () => new Date(),
    log: silent,
  })
  const onDisk = new X509Certificate(readFileSync(authority.certificateFile))
  console.log(authority.certificate.fingerprint256, onDisk.fingerprint256)
} catch (error) {
  console.log(`${error.code}: ${error.message}`)
}
