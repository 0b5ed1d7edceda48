/** `npm test` and `npm run test:full`: set-up, the parts, one suite. The counts are the last line. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { installParts } from './parts.mjs'
import { fail, runPackage, setUp } from './setup.mjs'

const [suite, ...filters] = process.argv.slice(2)
if (suite !== 'fast' && suite !== 'full') fail('usage: node scripts/test.mjs fast|full [filter …]')

setUp({ clean: true })
installParts(suite)

const folder = mkdtempSync(join(tmpdir(), 'dockwarden-report-'))
const report = join(folder, 'report.json')
const code = runPackage('vitest', [
  'run',
  ...['--project', suite, '--reporter', 'default', '--reporter', 'json'],
  `--outputFile.json=${report}`,
  ...filters,
])
const counts = readCounts(report)
rmSync(folder, { recursive: true })

const isSkipAFailure = process.env.CI === 'true' && counts.skipped > 0
if (isSkipAFailure) console.log('With CI=true every test must run, but some were skipped.')
const skipped = counts.skipped === 0 ? '' : `, ${counts.skipped} skipped`
console.log(`${counts.passed} passed, ${counts.failed} failed${skipped}`)
process.exitCode = code !== 0 || counts.failed > 0 || isSkipAFailure ? 1 : 0

function readCounts(path) {
  let results
  try {
    results = JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    // Vitest did not get as far as a report.
    return { passed: 0, failed: 1, skipped: 0 }
  }
  // A file that does not load, or whose hooks fail, has no failed test of its own.
  const broken = results.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && assertionResults.every((test) => test.status !== 'failed'),
  )
  return {
    passed: results.numPassedTests,
    failed: results.numFailedTests + broken.length,
    skipped: results.numPendingTests + results.numTodoTests,
  }
}
