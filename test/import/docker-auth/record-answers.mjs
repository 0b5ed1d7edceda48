/**
 * Asks a real docker_auth what it answers to the fixtures, and writes that down for the tests, which
 * cannot have the program wherever they run: `node record-answers.mjs DOCKER_AUTH`, a build of
 * cesanta/docker_auth at c67e175. It listens on loopback.
 */

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const program = process.argv[2]
if (program === undefined) throw new Error('usage: node record-answers.mjs DOCKER_AUTH')
const fixtures = fileURLToPath(new URL('fixtures', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'dockwarden-record-'))
const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
const output = ['-keyout', key, '-out', certificate, '-subj', '/CN=record', '-days', '2']
execFileSync('openssl', ['req', '-x509', ...curve, ...output], { stdio: 'pipe' })

const password = 'recorded'
const bits = { pull: 1, push: 2, delete: 4, '*': 8 }
const people = [
  ...[
    '',
    'admin',
    'test',
    'alice',
    'bob',
    'cleo',
    'dora',
    'emil',
    'ci',
    'j.doe',
    'a+b',
    '.*',
    'Carol',
  ],
  ...['d[a-z]', 'e/f', 'Alice', 'BOB', 'ann@example.com', 'bob@dev.example.com'],
]
const usualNames = [
  ...[
    'a',
    'b',
    'ab',
    'app',
    'x',
    'aaaa',
    'aaaab',
    'catalog',
    'hello-world',
    'test',
    'test-',
    'test-x',
    'test-x/y',
  ],
  ...[
    'testing',
    'my/test',
    'latest/x',
    'a/b',
    'a/b/c',
    'a/b/c/d',
    'z',
    'a/z',
    'a/b/z',
    'localhost:5000/app',
  ],
  ...[
    'secret',
    'prod/secret',
    'public',
    'public-x/y',
    'web',
    'api',
    'web/app',
    'some/app',
    'red/web',
    'Team/app',
  ],
]
const addresses = [
  ...[
    '198.51.100.7',
    '127.0.0.1',
    '127.255.255.255',
    '126.255.255.255',
    '128.0.0.0',
    '::1',
    '::2',
    '172.17.0.1',
  ],
  ...[
    '172.17.0.2',
    '10.1.2.3',
    '10.1.2.4',
    '10.200.1.7',
    '10.200.255.255',
    '10.201.0.0',
    '9.255.255.255',
    '11.0.0.0',
  ],
  ...['2001:db8::1', '2001:db9::', '192.168.0.1', '192.168.1.0', '::ffff:10.1.2.3'],
]

const recorded = {}
for (const name of readdirSync(fixtures).sort()) {
  recorded[name] = await record(readFileSync(join(fixtures, name)))
  console.log(
    name,
    recorded[name].refused ?? `${recorded[name].asked.length} × ${recorded[name].resources.length}`,
  )
}
writeFileSync(
  new URL('recorded-answers.json', import.meta.url),
  `${JSON.stringify(recorded, null, 1)}\n`,
)
rmSync(folder, { recursive: true })

async function record(fixture) {
  const port = await freePort()
  const file = join(folder, 'config.yml')
  // Later sections count. Those that need other servers are taken out.
  const settings = `
server: { addr: "127.0.0.1:${port}", certificate: "", key: "", real_ip_header: X-Address }
token: { issuer: record, expiration: 300, certificate: "${certificate}", key: "${key}" }
google_auth:
github_auth:
ldap_auth:
mongo_auth:
ext_auth:
acl_mongo:
`
  writeFileSync(file, Buffer.concat([fixture, Buffer.from(settings)]))
  const child = spawn(program, ['-logtostderr', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  child.stderr.on('data', (data) => {
    log += data
  })
  const exited = once(child, 'exit')
  while (!log.includes('Serving on') && child.exitCode === null)
    await Promise.race([sleep(20), exited])
  if (child.exitCode !== null)
    return {
      refused: /Failed to load config: (.*)|panic: (.*)/.exec(log)?.slice(1).join('') ?? log,
    }
  const text = fixture.toString()
  const resources = resourcesOf(text)
  const asked = []
  for (const account of people) {
    for (const address of text.includes('ip:') ? addresses : [addresses[0]]) {
      for (const service of text.includes('service')
        ? ['registry', 'registry-a', 'registry-b']
        : ['registry']) {
        const answers = await ask({ port, account, address, service, resources })
        if (answers !== undefined) asked.push({ account, address, service, answers })
      }
    }
  }
  child.kill('SIGKILL')
  await exited
  return { resources, asked }
}

function resourcesOf(text) {
  const words = [...text.matchAll(/name: *(.*)/g)].flatMap(
    ([, rest]) => rest.match(/[A-Za-z0-9._-]+(?:\/[A-Za-z0-9._-]+)*/g) ?? [],
  )
  const near = [...new Set(words)].flatMap((word) => [
    word,
    `${word}/x`,
    `x/${word}`,
    `${word}x`,
    `x${word}`,
    `x/${word}/y`,
    `${word}/x/y`,
  ])
  const own = people.flatMap((name) => [
    `${name}/app`,
    `${name}/app/deep`,
    `people/${name}`,
    `people/${name}/app`,
    `${name}-1`,
  ])
  const names = [...new Set([...usualNames, ...near, ...own])].filter((name) =>
    /^[A-Za-z0-9:._/-]+$/.test(name),
  )
  return [
    ...names.map((name) => `repository:${name}`),
    'registry:catalog',
    'registry:other',
    'image:app',
    'plugin:lib/app',
  ]
}

/** One digit for each resource: the bits of what is given; `x` where the connection was broken off. */
async function ask({ port, account, address, service, resources }) {
  const all = await token({ port, account, address, service, resources })
  if (all === 'refused') return undefined
  if (all !== 'broken') return all.map((actions) => digit(actions)).join('')
  let digits = ''
  for (const resource of resources) {
    const one = await token({ port, account, address, service, resources: [resource] })
    digits += one === 'broken' ? 'x' : digit(one[0])
  }
  return digits
}

function digit(actions) {
  return actions.reduce((sum, action) => sum | bits[action], 0).toString(16)
}

function token({ port, account, address, service, resources }) {
  const query = new URLSearchParams([['service', service]])
  for (const resource of resources) query.append('scope', `${resource}:pull,push,delete,*`)
  const basic = Buffer.from(`${account}:${password}`).toString('base64')
  const headers = {
    'X-Address': address,
    ...(account !== '' && { authorization: `Basic ${basic}` }),
  }
  return new Promise((resolve, reject) => {
    get({ port, host: '127.0.0.1', path: `/auth?${query}`, headers, agent: false }, (response) => {
      let body = ''
      response.on('data', (data) => {
        body += data
      })
      response.on('end', () => {
        if (response.statusCode === 401) return resolve('refused')
        if (response.statusCode !== 200) return reject(new Error(`${response.statusCode}: ${body}`))
        const claims = JSON.parse(Buffer.from(JSON.parse(body).token.split('.')[1], 'base64url'))
        resolve(claims.access.map(({ actions }) => actions))
      })
    }).on('error', ({ code }) =>
      code === 'ECONNRESET' ? resolve('broken') : reject(new Error(code)),
    )
  })
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}
