/** `dockwarden setup`: the keys and certificates that the compose bundle needs before it starts. */

import { join } from 'node:path'
import type { Command } from 'commander'
import { loadConfigInWorker } from '../config/load-in-worker.ts'
import { createPinoLog } from '../pino-log.ts'
import { configOption } from './config-option.ts'
import { day } from './day.ts'
import { exitCodes, type Terminal } from './terminal.ts'

interface SetupOptions {
  readonly config?: string
  /** The folder that registries read; gets the token CA's certificate, `ca.crt`, and never its key. */
  readonly trust: string
  /** The folder that the proxy reads: `tls.crt` and `tls.key`. */
  readonly tls: string
}

/** @param finish is told the exit code */
export function addSetupCommand(
  program: Command,
  terminal: Terminal,
  finish: (exitCode: number) => void,
): void {
  program
    .command('setup')
    .description(
      'make the keys and certificates that are missing, before the registry and the proxy start',
    )
    .option(...configOption)
    .requiredOption(
      '--trust <folder>',
      "where the registry reads the token CA's certificate, ca.crt",
    )
    .requiredOption('--tls <folder>', 'where the proxy reads tls.crt and tls.key')
    .action(async (options: SetupOptions) => finish(await setup(options, terminal)))
}

/**
 * Makes what is missing and checks what is there; run again, it changes nothing.
 *
 * @returns the exit code
 * @throws AppError misconfigured, with what to change
 */
async function setup(options: SetupOptions, terminal: Terminal): Promise<number> {
  // Making certificates takes a fifth of a second to load, and serving should not wait for it.
  const [{ openCertificateAuthority, publishCertificate }, { ensureTlsCertificate }] =
    await Promise.all([
      import('../signing/certificate-authority.ts'),
      import('../signing/tls-certificate.ts'),
    ])
  const { env, workingFolder, print, complain } = terminal
  const config = await loadConfigInWorker({ file: options.config, env, workingFolder })
  const log = createPinoLog(env['DOCKWARDEN_LOG_LEVEL'])
  const parts = { clock: () => new Date(), log }
  try {
    const authority = await openCertificateAuthority({
      folder: config.keys,
      purpose: 'token',
      ...parts,
    })
    const published = join(options.trust, 'ca.crt')
    await publishCertificate(authority, published)
    print(`token CA: ${published}, until ${day(authority.notAfter)}`)

    const { protocol, hostname } = new URL(config.server.publicUrl)
    if (protocol === 'http:') {
      complain(
        `WARNING: ${config.server.publicUrl} is plain HTTP: passwords and tokens cross the network in the ` +
          'clear. Use it on a private network only, or behind a TLS terminator whose https:// address is the public URL.',
      )
      return exitCodes.done
    }
    const host = hostname.replace(/^\[(.*)\]$/, '$1')
    // The proxy is another user of the same group, so that it cannot read the TLS CA's key.
    const certificate = await ensureTlsCertificate({
      folder: options.tls,
      host,
      groupReadableKey: true,
      ...parts,
    })
    const { certificateFile, origin, notAfter } = certificate
    print(`TLS certificate for ${host}: ${certificateFile} (${origin}), until ${day(notAfter)}`)
    return exitCodes.done
  } finally {
    await log.close()
  }
}
