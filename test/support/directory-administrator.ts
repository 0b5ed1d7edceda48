/** Who fills a test directory and looks into it: OpenLDAP's command line tools, bound as one account. */

import { type LdifEntry, parseLdif } from './ldif.ts'
import { requirePart } from './parts.ts'
import { run } from './process.ts'

export interface AdministratorAccount {
  /** `ldap://`, `ldaps://` or `ldapi://`. No certificate is checked. */
  readonly url: string
  readonly dn: string
  readonly password: string
}

export class DirectoryAdministrator {
  readonly #bind: readonly string[]

  constructor({ url, dn, password }: AdministratorAccount) {
    this.#bind = ['-x', '-H', url, '-D', dn, '-w', password]
  }

  /** Adds entries; records that name another `changetype` do that. @throws with what the server says */
  async add(ldif: string): Promise<void> {
    await this.modify(ldif, '-a')
  }

  /** Changes entries. @param args further ones of ldapmodify @throws with what the server says */
  async modify(ldif: string, ...args: readonly string[]): Promise<void> {
    await this.#run('ldapmodify', args, ldif)
  }

  async delete(dn: string): Promise<void> {
    await this.modify(`dn:: ${base64(dn)}\nchangetype: delete\n`)
  }

  /** Sets a single attribute to a single value. */
  async replace(dn: string, attribute: string, value: string | Buffer): Promise<void> {
    const change = `changetype: modify\nreplace: ${attribute}\n${attribute}:: ${base64(value)}`
    await this.modify(`dn:: ${base64(dn)}\n${change}\n`)
  }

  /** An entry's attributes, operational ones where they are named; undefined where there is none. */
  async read(
    dn: string,
    ...attributes: readonly string[]
  ): Promise<LdifEntry['attributes'] | undefined> {
    const [entry] = await this.#find(dn, 'base', '(objectClass=*)', attributes)
    return entry?.attributes
  }

  /** The entries below a DN that fit. */
  async search(
    base: string,
    filter: string,
    ...attributes: readonly string[]
  ): Promise<readonly LdifEntry[]> {
    return await this.#find(base, 'sub', filter, attributes)
  }

  async #find(
    base: string,
    scope: string,
    filter: string,
    attributes: readonly string[],
  ): Promise<readonly LdifEntry[]> {
    const how = ['-LLL', '-o', 'ldif-wrap=no', '-b', base, '-s', scope]
    return parseLdif(await this.#run('ldapsearch', [...how, filter, ...attributes]))
  }

  async #run(
    part: 'ldapmodify' | 'ldapsearch',
    args: readonly string[],
    input = '',
  ): Promise<string> {
    const env = { LDAPTLS_REQCERT: 'never' }
    const ran = await run(requirePart(part), [...this.#bind, ...args], { env, input })
    const isAbsent = part === 'ldapsearch' && ran.code === noSuchObject
    if (ran.code !== 0 && !isAbsent) throw new Error(`${part} failed (${ran.code}):\n${ran.output}`)
    return ran.stdout
  }
}

/** RFC 4511 section 4.1.9; the tools exit with the result code. */
const noSuchObject = 32

function base64(value: string | Buffer): string {
  return Buffer.from(value).toString('base64')
}
