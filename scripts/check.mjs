/** `npm run check`: types, format and lint, and the direction of the imports. */

import { runPackage, setUp } from './setup.mjs'

setUp({ clean: true })

const architecture = 'test/architecture.test.ts'
const checks = [
  ['types', 'tsc', ['-p', 'tsconfig.json']],
  ['format and lint', 'biome', ['check', '--error-on-warnings', '.']],
  ['architecture', 'vitest', ['run', '--project', 'fast', '--reporter', 'dot', architecture]],
]
const failed = checks.filter(([name, program, args]) => {
  console.log(`── ${name}`)
  return runPackage(program, args) !== 0
})
console.log(
  failed.length === 0 ? 'All checks passed.' : `Failed: ${failed.map(([name]) => name).join(', ')}`,
)
process.exitCode = failed.length === 0 ? 0 : 1
