/** `dockwarden schema`: what editors know of `dockwarden.yml`. */

import type { Command } from 'commander'
import type { Terminal } from './terminal.ts'

export function addSchemaCommand(program: Command, terminal: Terminal): void {
  program
    .command('schema')
    .description('print the JSON Schema of dockwarden.yml, for editors')
    .action(async () => {
      // The parser and the schema are the worker's to load, for everybody else.
      const { configJsonSchema } = await import('../config/json-schema.ts')
      terminal.print(JSON.stringify(configJsonSchema(), null, 2))
    })
}
