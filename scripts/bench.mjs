/** `npm run bench`: builds what is to be measured, then measures it. */

import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit' })
await import('../bench/main.mjs')
