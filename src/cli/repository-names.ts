/** Which repositories a command is asked about: those of a file, those of a registry, or neither. */

import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { isRepository } from '../authorization/compare/witness-names.ts'
import type { Config } from '../config/config.ts'
import { AppError } from '../errors.ts'
import type { Terminal } from './terminal.ts'

export interface RepositoryNamesOptions {
  /** `-`: standard input. */
  readonly repositories?: string
  readonly registry?: string
}

export interface RepositoryNames {
  /** Undefined where nothing says which. */
  readonly names: readonly string[] | undefined
  readonly isCut: boolean
}

/**
 * @param service what the registry takes tokens for
 * @param config whose keys the registry trusts
 */
export async function repositoryNames(
  { repositories: file, registry: url }: RepositoryNamesOptions,
  service: string,
  config: Config | undefined,
  terminal: Terminal,
): Promise<RepositoryNames> {
  if (url === undefined) {
    if (file === undefined) return { names: undefined, isCut: false }
    const source = file === '-' ? 'standard input' : file
    return { names: readList(await readText(file, terminal), source), isCut: false }
  }
  if (file !== undefined) {
    throw new AppError('invalid_request', 'name --repositories or --registry, not both')
  }
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
    throw new AppError(
      'invalid_request',
      `--registry ${url} is no URL; write https://registry.example.com`,
    )
  }
  const { username, password } = new URL(url)
  if (username !== '' || password !== '') {
    // Not shown: this goes into the log of a pipeline.
    throw new AppError(
      'invalid_request',
      '--registry holds a user name or a password; leave them out, we sign a token of our own',
    )
  }
  if (config === undefined) {
    throw new AppError(
      'invalid_request',
      'neither file says "keys", so no registry can be asked; compare whole configurations, or give --repositories',
    )
  }
  // Signing takes a tenth of a second to load.
  const { readCatalog } = await import('../registry-catalog.ts')
  const { repositories, isCut } = await readCatalog(url, service, config, () => new Date())
  return { names: repositories.filter(isRepository), isCut }
}

async function readText(file: string, { input, workingFolder }: Terminal): Promise<string> {
  if (file === '-') return Buffer.concat(await input.toArray()).toString()
  try {
    return await readFile(resolve(workingFolder, file), 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new AppError('not_found', `${file} cannot be read (${code})`)
  }
}

function readList(text: string, file: string): readonly string[] {
  const names = text.split('\n').map((line) => line.trim())
  const wrong = names.findIndex((name) => name !== '' && !isRepository(name))
  if (wrong !== -1) {
    throw new AppError(
      'invalid_request',
      `${file}:${wrong + 1}: "${names[wrong]}" is no repository; write one name a line, without host and tag`,
    )
  }
  const named = names.filter((name) => name !== '')
  if (named.length === 0) {
    // What a command that failed has piped in: nothing would be found, and the change let through.
    throw new AppError(
      'invalid_request',
      `${file} names no repository; write one name a line, or leave --repositories out`,
    )
  }
  return [...new Set(named)]
}
