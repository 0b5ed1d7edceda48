/** From docker_auth's `ldap_auth` to an `ldap` entry of Dockwarden. */

import { quoted } from '../yaml-text.ts'

export interface DirectoryEntry {
  /** Lines of the entry, without indentation. */
  readonly lines: readonly string[]
  /** The label that is a group here. */
  readonly label: string | undefined
  /** What is not as it was, and what to do about it. */
  readonly changes: readonly string[]
}

const accountVariable = `\${account}`

/** @returns a sentence where carrying it over could let in people whom docker_auth keeps out */
export function translateDirectory(ldap: ReadonlyMap<string, string>): DirectoryEntry | string {
  const changes: string[] = []
  const address = /^([A-Za-z0-9._-]+):(\d{1,5})$/.exec(ldap.get('addr') ?? '')
  const [, host, port] = address ?? []
  if (host === undefined) return 'its addr is no host:port'
  const found = loginFilter(ldap.get('filter') ?? '')
  if (found === undefined)
    return `its filter is not of the form (attribute=\${account}) or (&(attribute=\${account})…)`
  const base = ldap.get('base')
  if (base === undefined) return 'it has no base'
  const mode = ldap.get('tls') || (port === '636' ? 'always' : 'none')
  const isLdaps = mode === 'always'
  if (mode === 'none') {
    changes.push(
      'docker_auth sent passwords to the directory in clear; Dockwarden asks for StartTLS, which the directory must know',
    )
  }
  if (ldap.get('insecure_tls_skip_verify') === 'true') {
    changes.push(
      'the certificate of the directory was not checked; Dockwarden checks it: give its CA as tls.ca_file',
    )
  }
  const bind = bindLines(ldap, changes)
  if (bind === undefined) return `its bind_dn is neither a DN nor ${accountVariable}@domain`
  const isActiveDirectory = /^(?:sAMAccountName|userPrincipalName)$/i.test(found.attribute)
  const groups = groupsOf(ldap, changes)
  changes.push(
    'names of people are taken from the directory, in lower case, and no longer as they were typed',
  )
  const lines = [
    `preset: ${isActiveDirectory ? 'active_directory' : 'openldap'}`,
    `urls: ${JSON.stringify(`${isLdaps ? 'ldaps' : 'ldap'}://${host}:${port}`)}`,
    `base: ${quoted(base)}`,
    ...bind,
    ...tlsLines(ldap, isLdaps),
    'user:',
    `  login_attributes: [${JSON.stringify(found.attribute)}]`,
    `  name_attribute: ${JSON.stringify(found.attribute)}`,
    ...(found.filter === undefined
      ? ['  filter: "(objectClass=*)"']
      : [`  filter: ${quoted(found.filter)}`]),
    ...groups.lines,
  ]
  return { lines, label: groups.label, changes }
}

/** The attribute that is the name, and what else the person's entry must be. */
function loginFilter(
  filter: string,
): { readonly attribute: string; readonly filter: string | undefined } | undefined {
  const name = String.raw`\(([A-Za-z][A-Za-z0-9-]*)=\$\{account\}\)`
  const [, alone] = new RegExp(`^${name}$`).exec(filter) ?? []
  if (alone !== undefined) return { attribute: alone, filter: undefined }
  // Plain conditions only: what nests may hold the name in a place where it means something else.
  const [, conditions] = /^\(&((?:\([^()]*\))+)\)$/.exec(filter) ?? []
  const parts = conditions?.match(/\([^()]*\)/g) ?? []
  const names = parts.flatMap((part) => new RegExp(`^${name}$`).exec(part)?.[1] ?? [])
  const rest = parts.filter((part) => !part.includes(`\${account}`))
  const [attribute] = names
  if (attribute === undefined || names.length > 1 || rest.length !== parts.length - 1)
    return undefined
  return {
    attribute,
    filter: rest.length === 0 ? undefined : rest.length === 1 ? rest[0] : `(&${rest.join('')})`,
  }
}

/** @returns undefined where what people bound as lets one person in by two names */
function bindLines(
  ldap: ReadonlyMap<string, string>,
  changes: string[],
): readonly string[] | undefined {
  const dn = ldap.get('bind_dn') ?? ''
  if (dn === '') return ['bind: anonymous']
  if (ldap.get('initial_bind_as_user') === 'true') {
    const template = dn.replaceAll(accountVariable, '{user}')
    if (!template.includes('@') || template.includes('=')) {
      return ['bind:', `  user_template: ${quoted(template)}`]
    }
    const [, domain] = /^\{user\}@([A-Za-z0-9-]+)(?:\.[A-Za-z0-9.-]+)?$/.exec(template) ?? []
    if (domain === undefined) return undefined
    const name = `${domain.toUpperCase()}\\{user}`
    changes.push(
      `people bind as ${name} and no longer as ${template}, by which the directory knows some by two names: see that ${domain.toUpperCase()} is the NetBIOS name of the domain`,
    )
    return ['bind:', `  user_template: ${quoted(name)}`]
  }
  return [
    'bind:',
    `  dn: ${quoted(dn)}`,
    `  password_file: ${quoted(ldap.get('bind_password_file') ?? '')}`,
  ]
}

function tlsLines(ldap: ReadonlyMap<string, string>, isLdaps: boolean): readonly string[] {
  const authority = ldap.get('ca_certificate')
  return [
    'tls:',
    `  mode: ${isLdaps ? 'ldaps' : 'starttls'}`,
    ...(authority ? [`  ca_file: ${quoted(authority)}`] : []),
  ]
}

/** Labels are groups where they are the names in memberOf. */
function groupsOf(ldap: ReadonlyMap<string, string>, changes: string[]) {
  const labels = new Set(
    [...ldap.keys()].flatMap((key) => /^labels\.(.*)\.[^.]+$/.exec(key)?.[1] ?? []),
  )
  const isGroup = (label: string) =>
    ldap.get(`labels.${label}.attribute`)?.toLowerCase() === 'memberof' &&
    ldap.get(`labels.${label}.parse_cn`) === 'true'
  const label = [...labels].find(isGroup)
  for (const other of labels) {
    if (other !== label)
      changes.push(
        `the label ${JSON.stringify(other)} of the directory has no counterpart: only the names in memberOf are groups`,
      )
  }
  if (label === undefined) return { label, lines: ['groups:', '  mode: none'] }
  return {
    label,
    lines: ['groups:', '  mode: member_of', '  name_attribute: cn', '  nested: false'],
  }
}
