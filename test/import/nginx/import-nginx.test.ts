import { writeFileSync } from 'node:fs'
import { createServer, request } from 'node:http'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { authorize } from '../../../src/authorization/authorize.ts'
import { compilePolicy } from '../../../src/authorization/policy.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { importNginx } from '../../../src/import/nginx/import-nginx.ts'
import { freePort } from '../../support/free-port.ts'
import { describeWithParts, requirePart } from '../../support/parts.ts'
import { startProcess } from '../../support/process.ts'
import { processorTime } from '../../support/processor-time.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

/** Of "secret". */
const sha = '{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ='
const people = { alice: ['users', 'admins'], bob: ['users'], root: ['admins'] } as const
const proxy = 'proxy_pass http://UPSTREAM;'
const users = 'auth_basic "registry"; auth_basic_user_file USERS;'
const admins = 'auth_basic "registry"; auth_basic_user_file ADMINS;'

interface SiteCase {
  readonly name: string
  readonly site: string
  /** What is told to be left out. */
  readonly left?: RegExp
}

const sites: readonly SiteCase[] = [
  {
    name: 'anybody pulls, people push',
    site: `location /v2/ { limit_except GET HEAD { ${users} } ${proxy} }`,
  },
  { name: 'people do everything', site: `${users} location / { ${proxy} }` },
  { name: 'everything is open', site: `location /v2/ { ${proxy} }` },
  { name: 'read only', site: `location /v2/ { limit_except GET { deny all; } ${users} ${proxy} }` },
  { name: 'from one network', site: `location /v2/ { allow 127.0.0.2/32; deny all; ${proxy} }` },
  {
    name: 'push from one network',
    site: `location /v2/ { limit_except GET HEAD OPTIONS { allow 127.0.0.2; deny all; ${users} } ${proxy} }`,
  },
  {
    name: 'a network or a password',
    site: `location /v2/ { satisfy any; allow 127.0.0.2; deny all; ${users} ${proxy} }`,
  },
  {
    name: 'a network or a password, and no word of the others',
    site: `location /v2/ { satisfy any; allow 127.0.0.2; ${users} ${proxy} }`,
  },
  {
    name: 'a password that nobody needs',
    site: `location /v2/ { satisfy any; allow all; ${users} ${proxy} }`,
  },
  { name: 'nobody at all', site: `location /v2/ { deny all; ${proxy} }` },
  {
    name: 'deleting is nothing for anybody',
    site: `location /v2/ { limit_except GET POST PUT PATCH { deny all; } ${users} ${proxy} }`,
  },
  {
    name: 'a private part with an open part in it',
    site: `location /v2/ { limit_except GET HEAD { ${users} } ${proxy} } location /v2/private/ { ${users} ${proxy} } location /v2/private/open/ { ${proxy} }`,
  },
  {
    name: 'a private part',
    site: `location /v2/ { limit_except GET HEAD { ${users} } ${proxy} } location /v2/private/ { ${users} ${proxy} }`,
  },
  {
    name: 'a frozen part, and one that is closed',
    site: `${users} location /v2/ { ${proxy} } location /v2/team/ { limit_except GET { deny all; } ${proxy} } location /v2/public { return 403; }`,
    left: /"return 403" does is not followed/,
  },
  {
    name: 'a part for one network',
    site: `location /v2/ { ${users} ${proxy} } location /v2/team/ { allow 127.0.0.2; deny all; ${proxy} }`,
  },
  {
    name: 'a prefix without a slash at its end',
    site: `location /v2/ { ${users} ${proxy} } location /v2/team { ${proxy} }`,
  },
  {
    name: 'an open part below a server with passwords',
    site: `${users} location /v2/ { ${proxy} } location ^~ /v2/public/ { auth_basic off; ${proxy} }`,
  },
  {
    name: 'the list of all repositories is kept',
    site: `location /v2/ { ${proxy} } location = /v2/_catalog { ${users} ${proxy} }`,
  },
  {
    name: 'a location within a location',
    site: `location /v2/ { ${users} ${proxy} location /v2/team/ { auth_basic off; ${proxy} } }`,
  },
  {
    name: 'the recipe of the registry, with quotes and comments',
    site: `# a } comment {\n location /v2/ { if ($http_user_agent ~ "^(docker\\/1\\.(3|4|5(?!\\.[0-9]-dev))|Go ).*$" ) { return 404; } ${users} add_header 'X-A' "b;{ # c" always; ${proxy} proxy_read_timeout 900; }`,
  },
  {
    name: 'readers in one file, pushers in another',
    site: `location /v2/ { ${users} limit_except GET HEAD { ${admins} } ${proxy} }`,
    left: /different people|more than one of the files/,
  },
  {
    name: 'one team in another file',
    site: `location /v2/ { ${users} ${proxy} } location /v2/team/ { ${admins} ${proxy} }`,
    left: /more than one/,
  },
  {
    name: 'a lua check',
    site: `location /v2/ { auth_request /check; ${proxy} } location = /check { return 204; }`,
    left: /"auth_request \/check" does is not followed/,
  },
  {
    name: 'an include',
    site: `location /v2/ { include INCLUDED; ${proxy} }`,
    left: /"include .*" does is not followed/,
  },
  {
    name: 'a rewrite',
    site: `location /v2/ { rewrite ^/v2/x/(.*)$ /v2/y/$1 break; ${proxy} }`,
    left: /"rewrite/,
  },
  {
    name: 'not these networks',
    site: `location /v2/ { deny 127.0.0.2; ${proxy} }`,
    left: /everybody but these networks/,
  },
  {
    name: 'a variable for the realm',
    site: `set $realm off; location /v2/ { auth_basic $realm; auth_basic_user_file USERS; ${proxy} }`,
    left: /"set|variable/,
  },
]

const repositories = [
  'app',
  'team',
  'team/app',
  'teams/x',
  'private/app',
  'private/open/app',
  'public/app',
  'private',
  'a/team/b',
]
const methods = {
  GET: 'pull',
  HEAD: 'pull',
  POST: 'push',
  PUT: 'push',
  PATCH: 'push',
  DELETE: 'delete',
} as const

function write(site: string, folder: string, upstream: string): string {
  for (const file of ['users', 'admins'] as const) {
    const lines = Object.entries(people).flatMap(([name, of]) =>
      (of as readonly string[]).includes(file) ? [`${name}:${sha}\n`] : [],
    )
    writeFileSync(join(folder, file), lines.join(''))
  }
  writeFileSync(join(folder, 'included'), 'deny all;')
  return site
    .replaceAll('UPSTREAM', upstream)
    .replaceAll('USERS', join(folder, 'users'))
    .replaceAll('ADMINS', join(folder, 'admins'))
    .replaceAll('INCLUDED', join(folder, 'included'))
}

async function importInto(folder: string, text: string) {
  const peopleOf = (file: string) =>
    Object.entries(people).flatMap(([name, of]) =>
      (of as readonly string[]).includes(file.split('/').at(-1) ?? '') ? [name] : [],
    )
  const result = importNginx(text, { file: 'site.conf', server: undefined, services: [], peopleOf })
  writeFileSync(join(folder, 'dockwarden.yml'), result.config)
  const config = await loadConfig({ file: undefined, env: {}, workingFolder: folder })
  return { ...result, policy: compilePolicy(config.rules, config.groups) }
}

describeWithParts('beside a real nginx', ['nginx'], () => {
  for (const { name, site, left: expected } of sites) {
    test(`${name}: whom nginx lets through may do it, and nobody else`, async () => {
      const upstream = createServer((_, response) => response.end()).listen(0, '127.0.0.1')
      await new Promise((resolve) => upstream.once('listening', resolve))
      const address = upstream.address() as { port: number }
      const folder = temporaryFolder('import-nginx')
      const port = await freePort()
      const server = `server { listen 127.0.0.1:${port}; server_name registry.example.com; ${write(site, folder, `127.0.0.1:${address.port}`)} }`
      const main = `daemon off; error_log stderr; pid ${folder}/pid; worker_processes 1; events { }
http { access_log off; client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
${server} }`
      writeFileSync(join(folder, 'nginx.conf'), `user root;\n${main}`)
      const nginx = startProcess(requirePart('nginx'), [
        '-p',
        folder,
        '-c',
        join(folder, 'nginx.conf'),
      ])
      await nginx.waitForPort(port)
      const { policy, left } = await importInto(folder, server)
      if (expected === undefined) expect(left).toEqual([])
      else expect(left.join('\n')).toMatch(expected)
      const wrong: string[] = []
      const compare = (what: string, passed: boolean, may: boolean) => {
        // What is left out is less, and told.
        if (may === passed || (left.length > 0 && passed)) return
        wrong.push(
          `${what}: nginx ${passed ? 'lets through' : 'refuses'}, Dockwarden ${may ? 'gives' : 'does not'}`,
        )
      }
      for (const user of [undefined, ...Object.keys(people)]) {
        for (const from of ['127.0.0.1', '127.0.0.2']) {
          const asker =
            user === undefined ? null : { name: user, kind: 'user' as const, groups: [] }
          // With a name that nginx does not know it refuses even what is open to all; Dockwarden has no such people.
          const isKnown =
            user === undefined ||
            !site.includes('USERS') ||
            (people[user as 'bob'] as readonly string[]).includes('users') ||
            site.includes('ADMINS')
          if (!isKnown) continue
          const asked = { service: 'registry.example.com', address: from, time: new Date() }
          for (const repository of repositories) {
            const scope = {
              type: 'repository',
              name: repository,
              actions: ['pull', 'push', 'delete'],
            }
            const held = authorize(policy, asker, [scope], asked).access[0]?.actions ?? []
            const passed: Record<string, boolean> = {}
            for (const method of Object.keys(methods)) {
              passed[method] = await passes(
                port,
                method,
                `/v2/${repository}/manifests/x`,
                user,
                from,
              )
            }
            const mayPull = passed['GET'] === true && passed['HEAD'] === true
            const mayPush = mayPull && ['POST', 'PUT', 'PATCH'].every((method) => passed[method])
            const who = `${user ?? 'anonymous'} from ${from} on ${repository}`
            compare(`${who} pull`, mayPull, held.includes('pull') || held.includes('*'))
            compare(`${who} push`, mayPush, held.includes('push') || held.includes('*'))
            compare(
              `${who} delete`,
              passed['DELETE'] === true,
              held.includes('delete') || held.includes('*'),
            )
          }
          const catalog = authorize(
            policy,
            asker,
            [{ type: 'registry', name: 'catalog', actions: ['*'] }],
            asked,
          )
          compare(
            `${user} from ${from} catalog`,
            await passes(port, 'GET', '/v2/_catalog', user, from),
            catalog.access.length > 0,
          )
        }
      }
      await nginx.stop('SIGTERM')
      upstream.close()
      expect(wrong.slice(0, 10)).toEqual([])
    })
  }
})

function passes(
  port: number,
  method: string,
  path: string,
  user: string | undefined,
  localAddress: string,
): Promise<boolean> {
  const headers =
    user === undefined
      ? {}
      : { authorization: `Basic ${Buffer.from(`${user}:secret`).toString('base64')}` }
  return new Promise((resolve, reject) => {
    request(
      { host: '127.0.0.1', port, method, path, headers, localAddress, agent: false },
      (response) => {
        response.resume()
        response.on('end', () => resolve(response.statusCode === 200))
      },
    )
      .on('error', reject)
      .end()
  })
}

const refused: readonly (readonly [string, string, RegExp])[] = [
  [
    'no registry',
    'server { listen 80; location / { root /x; } }',
    /^site\.conf:1:1: there is no server with a location \/v2\//,
  ],
  [
    'two registries',
    'server { server_name a; location /v2/ { } }\nserver { server_name b; location /v2/ { } }',
    /^site\.conf:2:1: several servers .* a \(line 1\), b \(line 2\)/,
  ],
  [
    'a location by a regular expression',
    'server { location /v2/ { }\nlocation ~ ^/v2/(.*)$ { } }',
    /^site\.conf:2:1: location ~ .* are not followed/,
  ],
  ...[
    '= /v2/app/manifests/latest',
    '/v2/app/manifests/',
    '^~ /v2/a/b/blobs/uploads/',
    '/v2/app/m',
  ].map(
    (location) =>
      [
        `a part of a repository, ${location},`,
        `server { location /v2/ { }\nlocation ${location} { deny all; } }`,
        /^site\.conf:2:1: location .* a part of a repository are not followed/,
      ] as const,
  ),
  [
    'a block that is not closed',
    'server {\n location /v2/ {',
    /^site\.conf:2:1: this block is not closed/,
  ],
  [
    'a block that is closed twice',
    'server { location /v2/ { } }\n}',
    /^site\.conf:2:1: this } closes nothing/,
  ],
  ['a quote that is not closed', 'server { server_name "a; }', /a quote is not closed/],
  ['a directive without an end', 'server { listen 80 }', /must end with/],
  ['blocks without an end', 'a {'.repeat(10_000), /nest too deeply/],
]
for (const [what, text, message] of refused) {
  test(`${what} is refused with its line`, () => {
    const start = processorTime()
    expect(() =>
      importNginx(text, { file: 'site.conf', server: undefined, services: [], peopleOf: () => [] }),
    ).toThrow(message)
    expect(processorTime() - start).toBeLessThan(1_000)
  })
}

for (const expression of [
  '^/v2?/',
  '^/v',
  '^/v.*',
  '^/(v1|v2)/',
  '^/v1/|^/v2/',
  '/v2/',
  '\\.php$',
  '^/vx*2/',
  '^/V2/',
]) {
  test(`a location by the regular expression ${expression} may take the registry's paths`, () => {
    const text = `server { location /v2/ { ${proxy} } location ~ "${expression}" { deny all; } }`
    expect(() =>
      importNginx(text, { file: 'f', server: undefined, services: [], peopleOf: () => [] }),
    ).toThrow(/are not followed/)
  })
}

test('a location by a regular expression that is about something else changes nothing', () => {
  const others =
    'location ~ ^/v1/ { deny all; } location ~* ^\\/search$ { deny all; } location ~ ^/ui { }'
  const text = `server { location /v2/ { ${proxy} } ${others} }`
  const options = { file: 'f', server: undefined, services: [], peopleOf: () => [] }
  expect(importNginx(text, options).left).toEqual([])
})

test('of several servers the one that is named is taken', () => {
  const text = `server { server_name a; location /v2/ { deny all; } } server { server_name b c; location /v2/ { ${proxy} } }`
  const { config, rules } = importNginx(text, {
    file: 'f',
    server: 'c',
    services: ['hub'],
    peopleOf: () => [],
  })
  expect(config).toContain('- { name: "hub" }')
  expect(rules.map(({ may, on, who }) => [who, may, on])).toEqual([
    [['anyone'], ['*'], ['**']],
    [['anyone'], ['*'], ['registry:catalog']],
  ])
})

test('a location that is about no repository is told, and the configuration can be used', async () => {
  const folder = temporaryFolder('no-repository')
  const paths = [
    'team./',
    'a-/',
    '--/',
    'a//b/',
    '.a',
    '_x/',
    'Team/',
    'a*/',
    `${'a'.repeat(256)}/`,
  ]
  for (const path of paths) {
    const text = `server { location /v2/ { ${proxy} }\nlocation /v2/${path} { deny all; ${proxy} } }`
    const options = { file: 'f', server: undefined, services: [], peopleOf: () => [] }
    const { config, left } = importNginx(text, options)
    expect(left).toEqual([`location /v2/${path} (line 2): no repository has such a path`])
    writeFileSync(join(folder, 'made.yml'), config)
    const { rules } = await loadConfig({ file: 'made.yml', env: {}, workingFolder: folder })
    expect(rules.flatMap(({ on }) => on)).toEqual(['**', 'registry:catalog'])
  }
})
