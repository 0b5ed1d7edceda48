// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration writes its variables so

/**
 * What an editor is told of texts that stand for something else: regular expressions of JSON Schema, and
 * examples. They refuse nothing that the loader takes; what they cannot say, the loader says.
 */

interface EditorHint {
  /** Not anchored by itself; of ECMA-262, without flags. */
  readonly pattern?: string
  readonly examples: readonly string[]
}

const address = '^(\\d{1,3}(\\.\\d{1,3}){3}|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]+)'
const name = '(?!\\s|.*\\$\\{)[^:*]+'
const glob = '[a-z0-9._:*?-]|\\$\\{(user|group|robot)\\}'
const segment = `(${glob}|\\{(${glob}|,)+\\})+`
const moment =
  '^\\d{4}-\\d\\d-\\d\\d([T ]\\d\\d:\\d\\d(:\\d\\d(\\.\\d{1,3})?)?(Z|[+-]\\d\\d:\\d\\d))?$'

/** Of sections: what no single key shows. */
export const sectionHints = {
  oneKey: { minProperties: 1, maxProperties: 1 },
  someKey: { minProperties: 1 },
  mayOrMayNot: {
    anyOf: [{ required: ['may'] }, { required: ['may_not'] }],
    if: {
      required: ['on'],
      properties: {
        on: {
          anyOf: [
            { const: 'registry:catalog' },
            { type: 'array', contains: { const: 'registry:catalog' } },
          ],
        },
      },
    },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: { properties: { may: { enum: ['*', ['*']] }, may_not: { enum: ['*', ['*']] } } },
  },
} as const

export const editorHints = {
  listen: {
    pattern: '^(\\[.*\\]|[^:[\\]]+):\\d{1,5}$',
    examples: ['127.0.0.1:5001', '[::1]:5001'],
  },
  publicUrl: {
    pattern: '^[Hh][Tt][Tt][Pp][Ss]?://[^\\s/?#@]+(/[^\\s?#]*)?$',
    examples: ['https://registry.example.com'],
  },
  network: { pattern: `${address}(/\\d{1,3})?$`, examples: ['10.20.0.0/16', '2001:db8::/32'] },
  address: { pattern: `${address}$`, examples: ['10.20.1.1', '2001:db8::1'] },
  claim: { pattern: '^(?! )[ !#-\\[\\]-~]{1,255}(?<! )$', examples: ['registry.example.com'] },
  lengthOfTime: { pattern: '^\\d{1,9}(ms|[smhd]?)$', examples: ['5m', '300s', '1h'] },
  wholeNumber: { pattern: '^\\d{1,9}$', examples: ['10'] },
  yesOrNo: { pattern: '^(true|false)$', examples: ['true'] },
  database: { pattern: '^sqlite:(?!//|:memory:$).', examples: ['sqlite:data/dockwarden.db'] },
  member: { pattern: '^[^:*]{1,255}$', examples: ['alice', 'developers'] },
  group: { examples: ['developers'] },
  backendName: { pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$', examples: ['corp'] },
  htpasswdFile: { examples: ['auth/htpasswd'] },
  socket: { examples: ['data/dockwarden.sock'] },
  ruleName: { examples: ['everybody reads the public images'] },
  principal: {
    pattern: `^(anonymous|authenticated|anyone|group:\\*|(user|group|robot):${name})$`,
    examples: [
      'anonymous',
      'authenticated',
      'anyone',
      'user:alice',
      'group:dev',
      'group:*',
      'robot:ci',
    ],
  },
  resource: {
    // No "**" within a segment, none that begins or ends with a separator, no tag.
    pattern: `^(registry:catalog|(?!.*([^/]\\*\\*|\\*\\*[^/]|(^|/)[._-]|[._-](/|$)|:(?![0-9*?{$])))${segment}(/${segment})*)$`,
    examples: [
      'public/**',
      '${user}/**',
      'teams/${group}/**',
      'prod/{api,web}',
      'registry:catalog',
    ],
  },
  moment: { pattern: moment, examples: ['2027-01-31', '2027-01-31T18:00Z'] },
  testedAsker: {
    pattern: `^(anonymous|(user|robot):${name}|(?!(anyone|authenticated)$)${name})$`,
    examples: ['alice', 'anonymous', 'robot:ci'],
  },
  testedResource: {
    pattern: '^(registry:catalog|[a-z0-9][a-z0-9._:/-]*)$',
    examples: ['teams/dev/app', 'registry:catalog'],
  },
  candidate: { examples: ['candidate.yml'] },
  contact: { examples: ['#platform', 'ops@example.com'] },
  ldapUrl: {
    pattern: '^[Ll][Dd][Aa][Pp][Ss]?://[^\\s/]+/?$',
    examples: ['ldaps://dc1.example.com', 'ldap://dc1.example.com:389'],
  },
  distinguishedName: { pattern: '^.*=', examples: ['ou=people,dc=example,dc=com'] },
  attribute: { pattern: '^[A-Za-z][A-Za-z0-9-]*$', examples: ['uid', 'sAMAccountName'] },
  filter: { examples: ['(objectClass=person)'] },
  certificate: { examples: ['secrets/ldap-ca.crt'] },
  key: { examples: ['secrets/ldap-client.key'] },
  host: { examples: ['ldap.example.com'] },
  password: { examples: ['${LDAP_PASSWORD}'] },
  passwordFile: { examples: ['secrets/ldap-password'] },
  userTemplate: {
    pattern: '\\{user\\}',
    examples: ['uid={user},ou=people,dc=example,dc=com', 'CORP\\{user}'],
  },
  domain: { pattern: '^[^\\\\@/]+$', examples: ['CORP'] },
} as const satisfies Record<string, EditorHint>
