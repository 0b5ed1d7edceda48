/** `npm test` and `npm run test:full`: set-up, the parts, one suite. The counts are the last line. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { installParts } from './parts.mjs'
import { fail, root, runPackage, setUp } from './setup.mjs'

const [suite, ...filters] = process.argv.slice(2)
if (suite !== 'fast' && suite !== 'full') fail('usage: node scripts/test.mjs fast|full [filter …]')

setUp({ clean: true })
installParts(suite)

/** Suite → the projects of vitest.config.ts that it is made of. */
const projects = { fast: ['fast'], full: ['full', 'drills'] }

const folder = mkdtempSync(join(tmpdir(), 'dockwarden-report-'))
const report = join(folder, 'report.json')
const code = runPackage('vitest', [
  'run',
  ...projects[suite].flatMap((project) => ['--project', project]),
  ...['--reporter', 'default', '--reporter', 'json'],
  `--outputFile.json=${report}`,
  ...filters,
])
const { counts, failures } = readReport(report)
rmSync(folder, { recursive: true })

const isSkipAFailure = process.env.CI === 'true' && counts.skipped > 0
if (isSkipAFailure) console.log('With CI=true every test must run, but some were skipped.')
// Repeated here, where a log that was cut to its end still has them.
for (const failure of failures) console.log(failure)
const skipped = counts.skipped === 0 ? '' : `, ${counts.skipped} skipped`
console.log(`${counts.passed} passed, ${counts.failed} failed${skipped}`)
process.exitCode = code !== 0 || counts.failed > 0 || isSkipAFailure ? 1 : 0

function readReport(path) {
  let results
  try {
    results = JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    // Vitest did not get as far as a report.
    return { counts: { passed: 0, failed: 1, skipped: 0 }, failures: [] }
  }
  const failures = results.testResults.flatMap(failuresOf)
  const counts = {
    passed: results.numPassedTests,
    failed: failures.length,
    skipped: results.numPendingTests + results.numTodoTests,
  }
  return { counts, failures }
}

function failuresOf({ name, status, message, assertionResults }) {
  const file = relative(root, name)
  const failed = assertionResults.filter((test) => test.status === 'failed')
  // A file that does not load, or whose hooks fail, has no failed test of its own.
  if (failed.length === 0) return status === 'failed' ? [`failed: ${file}\n${indent(message)}`] : []
  return failed.map(
    ({ fullName, failureMessages }) =>
      `failed: ${file}: ${fullName}\n${indent(failureMessages.join('\n'))}`,
  )
}

/** The reason, and where our own code was; never a line that could be taken for the next failure. */
function indent(text) {
  const lines = text.split('\n').filter((line) => /\S/.test(line) && !line.includes('node_modules'))
  return lines
    .slice(0, 12)
    .map((line) => `  ${line.replaceAll(root, '')}`)
    .join('\n')
}
