// A process of its own that opens the token CA of a folder: with `wait`, once its standard input has ended,
// so that several can race.
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'

const [module, folder, mode, user] = process.argv.slice(2)
const { openCertificateAuthority } = await import(module)
const silent = { info() {}, warn() {}, error() {} }
if (user !== undefined && process.getuid() === 0) {
  process.setgid(Number(user))
  process.setuid(Number(user))
}
if (mode === 'wait') {
  console.log('ready')
  await text(process.stdin)
}
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
