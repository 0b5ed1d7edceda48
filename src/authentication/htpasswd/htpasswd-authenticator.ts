/** The backend that asks an htpasswd file, and follows its changes. */

import type { Health } from '../../health.ts'
import type { Log } from '../../log.ts'
import type { Password } from '../../protocol/credentials.ts'
import { type FileWatch, watchFile } from '../../watched-file.ts'
import type { Accepted, Authenticator, Candidate, Rejected } from '../authenticator.ts'
import { isWeak } from '../password/password-hash.ts'
import type { PasswordVerifier } from '../password/verifier.ts'
import {
  describeFault,
  describeUnreadable,
  type HtpasswdContent,
  type HtpasswdEntry,
  parseHtpasswd,
  readHtpasswd,
  renewal,
} from './htpasswd-file.ts'

export interface HtpasswdOptions {
  /** The backend's name. */
  readonly name: string
  /** Absolute. */
  readonly file: string
  readonly passwords: PasswordVerifier
  readonly log: Log
}

/** A change is in force after two looks. */
const lookMilliseconds = 500
/** How many lines or names one log message lists. */
const listLength = 20

/** @throws AppError misconfigured where the file cannot be read; it is never made */
export async function openHtpasswd(options: HtpasswdOptions): Promise<HtpasswdAuthenticator> {
  return new HtpasswdAuthenticator(options)
}

/**
 * At the start, a faulty line is reported and left out. Later, a file with any fault changes nothing:
 * the old content stays in force, whole, until the file is right.
 */
export class HtpasswdAuthenticator implements Authenticator {
  readonly name: string
  readonly #file: string
  readonly #passwords: PasswordVerifier
  readonly #log: Log
  readonly #watch: FileWatch
  #entries: ReadonlyMap<string, HtpasswdEntry> = new Map()
  /** Why the content in force is older than the file. */
  #fault: string | undefined

  /** @throws AppError misconfigured where the file cannot be read */
  constructor({ name, file, passwords, log }: HtpasswdOptions) {
    this.name = name
    this.#file = file
    this.#passwords = passwords
    this.#log = log
    // Watched before it is read, so that no change falls between the two.
    this.#watch = watchFile(file, {
      intervalMilliseconds: lookMilliseconds,
      onChange: (content) => this.#reload(content),
      onTrouble: (error) => this.#keep(describeUnreadable(file, error)),
    })
    try {
      this.#start(readHtpasswd(file))
    } catch (error) {
      this.close()
      throw error
    }
  }

  async find(username: string): Promise<Candidate | undefined> {
    const entry = this.#entries.get(username)
    if (entry === undefined) return undefined
    const { hash } = entry
    return {
      account: username,
      passwordStamp: hash?.text ?? '',
      verify: (password) => this.#verify(username, entry, password),
      release: async () => {},
    }
  }

  async names(): Promise<readonly string[]> {
    return [...this.#entries.keys()]
  }

  async knows(names: readonly string[]): Promise<readonly string[]> {
    return names.filter((name) => this.#entries.has(name))
  }

  async #verify(
    username: string,
    { hash, line }: HtpasswdEntry,
    password: Password,
  ): Promise<Accepted | Rejected> {
    if (hash === undefined) {
      await this.#passwords.refuse(password)
      return this.#rejected(`the hash on line ${line} of ${this.#file} cannot be used`)
    }
    if (!(await this.#passwords.verify(hash.text, password))) {
      return this.#rejected('wrong password')
    }
    return {
      kind: 'accepted',
      subject: {
        id: `${this.name}:${username}`,
        name: username,
        kind: 'user',
        groups: [],
        backend: this.name,
      },
    }
  }

  /** Not ok: the content in force is older than the file, because of what `detail` says. */
  status(): Health {
    return this.#fault === undefined ? { ok: true } : { ok: false, detail: this.#fault }
  }

  close(): void {
    this.#watch.close()
    this.#passwords.withdraw(this)
  }

  #start(content: Buffer): void {
    const { entries, faults } = parseHtpasswd(content, this.#file)
    for (const fault of faults.slice(0, listLength)) {
      this.#log.error({ file: this.#file, line: fault.line }, describeFault(this.#file, fault))
    }
    if (faults.length > listLength) {
      this.#log.error(
        { file: this.#file, faults: faults.length },
        `${this.#file}: and ${faults.length - listLength} more faulty lines`,
      )
    }
    this.#use(entries)
  }

  #reload(content: Buffer): void {
    const { entries, faults } = parseHtpasswd(content, this.#file)
    const [first] = faults
    if (first === undefined) {
      this.#use(entries)
    } else {
      const more = faults.length > 1 ? ` (and ${faults.length - 1} more faulty lines)` : ''
      this.#keep(`${describeFault(this.#file, first)}${more}`)
    }
  }

  #use(entries: HtpasswdContent['entries']): void {
    this.#entries = entries
    this.#fault = undefined
    const hashes = [...entries.values()].flatMap(({ hash }) => hash?.text ?? [])
    this.#passwords.announce(this, hashes)
    this.#log.info({ file: this.#file, users: entries.size }, 'the htpasswd file is in force')
    this.#warnOfWeakHashes(entries)
  }

  #keep(reason: string): void {
    this.#fault = `the content in force is older than the file: ${reason}`
    this.#log.error({ file: this.#file, reason }, 'the old htpasswd content stays in force')
  }

  #warnOfWeakHashes(entries: HtpasswdContent['entries']): void {
    const users = [...entries].filter(([, { hash }]) => hash !== undefined && isWeak(hash))
    if (users.length === 0) return
    const names = users.slice(0, listLength).map(([name]) => name)
    this.#log.warn(
      { file: this.#file, users: names, count: users.length },
      `these users have password hashes that are quick to guess against; renew each with: ${renewal(this.#file, 'USER')}`,
    )
  }

  #rejected(reason: string): Rejected {
    // Also where no password can be right: that a guess does not count would tell so.
    return { kind: 'rejected', reason, backend: this.name, isWrongPassword: true }
  }
}
