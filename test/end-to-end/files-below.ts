/** Every file that a folder holds. */

import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

export function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
}
