/** A copy of this repository as `git clone` would give it, with the npm packages already there. */

import { cpSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { root } from './readme.ts'

/** @returns its folder */
export async function clone(): Promise<string> {
  const folder = temporaryFolder('clone')
  // What is not committed yet is tested too; what git ignores is not there.
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
  const { code, stdout, output } = await run('git', args, { cwd: root })
  if (code !== 0) throw new Error(`git ls-files failed:\n${output}`)
  for (const path of stdout.split('\0')) {
    if (path !== '' && path !== 'node_modules')
      cpSync(join(root, path), join(folder, path), { force: false })
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  return folder
}
