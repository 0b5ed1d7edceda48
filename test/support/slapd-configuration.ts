/** The configuration of the test OpenLDAP, and the faults that it can show. */

import type { Certificate } from './certificate.ts'
import { personLdif, serviceAccount, suffix } from './directory-entries.ts'
import { formatLdif } from './ldif.ts'

export const administrator = {
  dn: `cn=admin,${suffix}`,
  password: 'the password of the administrator',
}

/** Who may search beside the service account; everybody reads their own entry. */
export type Readers = 'nobody' | 'users' | 'anonymous'

interface Sights {
  readonly readers: Readers
  /** Attributes that nobody can see. */
  readonly hidden: readonly string[]
  /** Whether the server says nothing about itself. */
  readonly isRootHidden: boolean
}

/** slapd.conf. @param data an empty folder of the server's own */
export function slapdConfiguration(
  files: Certificate,
  data: string,
  { readers, hidden, isRootHidden }: Sights,
): string {
  const schemas = ['core', 'cosine', 'inetorgperson', 'nis']
  const modules = ['back_mdb', 'memberof', 'refint', 'ppolicy', 'retcode']
  const items = Object.entries(faults).map(([name, how]) => `retcode-item "cn=${name}" ${how}`)
  const others = { nobody: '* none', users: 'users read by * none', anonymous: '* read' }[readers]
  return `
    ${schemas.map((name) => `include /etc/ldap/schema/${name}.schema`).join('\n    ')}
    modulepath /usr/lib/ldap
    ${modules.map((name) => `moduleload ${name}`).join('\n    ')}
    TLSCACertificateFile ${files.authority}
    TLSCertificateFile ${files.certificate}
    TLSCertificateKeyFile ${files.key}
    # On purpose: a bind without a password succeeds here, so only Dockwarden's own guard refuses it.
    allow bind_anon_dn bind_anon_cred
    ${isRootHidden ? 'access to dn.base="" by * none' : ''}

    database mdb
    suffix "${suffix}"
    rootdn "${administrator.dn}"
    rootpw "${administrator.password}"
    directory ${data}
    dbnosync
    index objectClass,uid,cn,mail,member,uniqueMember,memberUid,memberOf eq
    access to attrs=userPassword by anonymous auth by * none
    ${hidden.map((attribute) => `access to attrs=${attribute} by * none`).join('\n    ')}
    access to *
      by dn.exact="${serviceAccount.dn}" read
      by self read
      by ${others}
    overlay memberof
    overlay refint
    refint_attributes member uniqueMember
    refint_nothing "cn=nobody"
    overlay ppolicy
    ppolicy_default "${policyDn}"
    ppolicy_hash_cleartext
    ppolicy_use_lockout
    overlay retcode
    retcode-parent "${errors}"
    ${items.join('\n    ')}
    `.replace(/^ {4}/gm, '')
}

const policyDn = `cn=default,ou=policies,${suffix}`
const errors = `ou=errors,${suffix}`

/**
 * What a bind of `cn=NAME,ou=errors` answers, and a search whose base that is. The entry is there as well, as the
 * person NAME: a search for the person finds it, and the bind that follows fails in this way.
 */
const faults: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    [1, 3, 4, 8, 13, 19, 32, 34, 49, 50, 51, 52, 53, 80].map((code) => [
      `code-${code}`,
      `${code} op=bind,search`,
    ]),
  ),
  slow: '0 op=bind,search sleeptime=3',
  slowbind: '0 op=bind sleeptime=3',
  slowfail: '49 op=bind sleeptime=3',
  drop: '52 op=bind flags=disconnect',
  predrop: '52 op=bind,search flags=pre-disconnect',
  referral: '10 op=bind,search ref="ldap://127.0.0.1:9/dc=x"',
  adtext: '49 op=bind text="80090308: LdapErr: DSID-0C090439, data 532, v1db1"',
}

export function faultsLdif(): string {
  return Object.keys(faults)
    .map((name) => personLdif(name, `cn=${name},${errors}`))
    .join('')
}

/** LDIF of everybody's password policy. Without attributes it locks nobody out. */
export function policyLdif(policy: Readonly<Record<string, string | number>>): string {
  const attributes = { ...('pwdMaxFailure' in policy ? { pwdLockout: 'TRUE' } : {}), ...policy }
  return formatLdif(policyDn, {
    objectClass: ['device', 'pwdPolicy'],
    cn: 'default',
    pwdAttribute: 'userPassword',
    ...Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, `${value}`])),
  })
}
