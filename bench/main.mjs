/** `npm run bench`: Dockwarden and docker_auth in one run; a table on the screen and in bench/results. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import {
  findRival,
  pullQuery,
  startDockerAuth,
  startDockwarden,
  startFloor,
} from './contestants.mjs'
import { startDirectory } from './directory.mjs'
import { resultTable } from './result-line.mjs'
import { rows } from './rows.mjs'

const options = {
  rounds: { type: 'string', default: '3' },
  seconds: { type: 'string', default: '4' },
  tokens: { type: 'string', default: '100000' },
  row: { type: 'string', multiple: true, default: Object.keys(rows) },
  save: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
}
const { values } = parseArgs({ options })
if (values.help) {
  console.log(`npm run bench -- [--rounds 3] [--seconds 4] [--tokens 100000] [--row NAME]… [--save]
  --tokens   length of the long run; 1000000 is the one that the goal speaks of
  --row      one of ${Object.keys(rows).join(', ')}; all unless told
  --save     also write bench/results/<date>.json and .md
DOCKWARDEN_RIVAL names a docker_auth to compare with.`)
  process.exit(0)
}

const rival = findRival()
if (rival === undefined) console.log('No docker_auth (DOCKWARDEN_RIVAL): own figures only.')
const folder = mkdtempSync(join(tmpdir(), 'dockwarden-bench-'))
const running = []
const bench = {
  rounds: Number(values.rounds),
  seconds: Number(values.seconds),
  tokens: Number(values.tokens),
  contestants: rival === undefined ? ['ours'] : ['ours', 'rival'],
  async startFloor() {
    const server = await startFloor({ folder: mkdtempSync(join(folder, 'floor-')) })
    running.push(server)
    return server
  },
  async startDirectory(people) {
    const directory = await startDirectory(people)
    running.push(directory)
    return directory
  },
  async start(who, { rules, users = [], directory }) {
    const setUp = { folder: mkdtempSync(join(folder, `${who}-`)), rules, users, directory }
    const server = await (who === 'ours' ? startDockwarden(setUp) : startDockerAuth(rival, setUp))
    running.push(server)
    await expectPull(server, rules)
    return server
  },
}

// Whatever ends the bench ends its servers too.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))
process.once('exit', () => {
  for (const server of running) void server.stop()
})

const lines = []
try {
  for (const name of values.row) {
    console.log(`… ${name}`)
    lines.push(...(await rows[name](bench)))
    await Promise.all(running.splice(0).map((server) => server.stop()))
  }
} finally {
  await Promise.all(running.map((server) => server.stop()))
  rmSync(folder, { recursive: true })
}

const table = resultTable(lines)
console.log(`\n${table}\n`)
const unmet = lines.filter(({ met }) => met === false).length
console.log(unmet === 0 ? 'Every goal that was measured is met.' : `Goals not met: ${unmet}.`)
if (values.save) save()

/** A server that grants nothing would win every row. */
async function expectPull(server, rules) {
  const response = await fetch(server.tokenUrl(pullQuery(rules)))
  const { token } = await response.json()
  const { access } = JSON.parse(Buffer.from(token.split('.')[1], 'base64url'))
  if (access?.[0]?.actions?.[0] !== 'pull') throw new Error('the server under test grants nothing')
}

function save() {
  const results = fileURLToPath(new URL('results', import.meta.url))
  mkdirSync(results, { recursive: true })
  const date = new Date().toISOString().slice(0, 10)
  const circumstances = {
    date,
    node: process.version,
    cores: availableParallelism(),
    rounds: bench.rounds,
    secondsPerRound: bench.seconds,
  }
  writeFileSync(
    join(results, `${date}.json`),
    `${JSON.stringify({ ...circumstances, lines }, undefined, 2)}\n`,
  )
  writeFileSync(
    join(results, `${date}.md`),
    `# Bench of ${date}

Node ${process.version}, ${circumstances.cores} cores shared by server and load, medians of ${bench.rounds} interleaved rounds of ${bench.seconds} s.

${table}
`,
  )
}
