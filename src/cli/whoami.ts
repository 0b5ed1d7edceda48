/** `dockwarden whoami`: one login as the server would take it, and what the rules would give. */

import type { Command } from 'commander'
import type { Config } from '../config/config.ts'
import { loadConfigInWorker } from '../config/load-in-worker.ts'
import { AppError } from '../errors.ts'
import { printableJson } from '../printable.ts'
import { configOption } from './config-option.ts'
import {
  addPasswordInput,
  askPassword,
  type PasswordInputOptions,
  passwordInput,
} from './password-input.ts'
import { personReport, personText } from './person-report.ts'
import { chosenService, serviceNames } from './question-input.ts'
import type { Terminal } from './terminal.ts'

interface WhoamiOptions extends PasswordInputOptions {
  readonly config?: string
  readonly service?: string
  readonly json?: true
}

export function addWhoamiCommand(program: Command, terminal: Terminal): void {
  addPasswordInput(
    program
      .command('whoami <name>')
      .description('log in as the server would take it, and tell who that is and what rules say')
      .option(...configOption)
      .option('--service <service>', 'only the rules that speak for tokens of this service')
      .option('--json', 'print JSON'),
  ).action(whoami)

  async function whoami(name: string, options: WhoamiOptions, command: Command): Promise<void> {
    const ask = () => askPassword(name, terminal)
    const input = passwordInput(options, { command, terminal, ask })
    const { env, workingFolder, print } = terminal
    const config = await loadConfigInWorker({ file: options.config, env, workingFolder })
    if (options.service !== undefined) chosenService(options.service, serviceNames(config))
    const report = await identify(name, input, config, options.service)
    print(options.json === true ? printableJson(report) : personText(report))
  }
}

/** @throws AppError with the reason that the server would log */
async function identify(
  username: string,
  input: ReturnType<typeof passwordInput>,
  config: Config,
  service: string | undefined,
): Promise<ReturnType<typeof personReport>> {
  const [{ tryLogin }, { readStoredRules }] = await Promise.all([
    import('../trial-login.ts'),
    import('../administration.ts'),
  ])
  const clock = () => new Date()
  const credentials = { username, password: await input() }
  const verdict = await tryLogin(config, credentials, clock).catch((error: unknown) => {
    const isOutage = error instanceof AppError && error.code === 'unavailable'
    // What clients are not told is what the operator has to know.
    if (!isOutage || !(error.cause instanceof Error)) throw error
    throw new AppError('unavailable', error.cause.message, { cause: error })
  })
  switch (verdict.kind) {
    case 'accepted':
      return personReport(verdict.subject, config, await readStoredRules(config, clock), service)
    case 'rejected':
      throw new AppError('unauthorized', `refused by ${verdict.backend}: ${verdict.reason}`)
    case 'unknown':
      throw new AppError('unauthorized', `refused: no backend knows the name ${username}`)
  }
}
