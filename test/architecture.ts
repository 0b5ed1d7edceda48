/** Reads the imports of a source tree, and says where it breaks the rules of its architecture. */

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'

/**
 * Unit → the units that it may import besides itself. A unit is a folder or a file below the root,
 * without `.ts`; the longest one that fits is the one that a file belongs to.
 */
export type Directions = Readonly<Record<string, readonly string[]>>

export interface SourceTree {
  readonly root: string
  readonly directions: Directions
  /** The packages that may be imported by name. */
  readonly packages: readonly string[]
}

interface SourceFile {
  /** Below the root, with `/`. */
  readonly path: string
  /** Without comments. */
  readonly code: string
  /** The imported files, below the root. */
  readonly imports: readonly string[]
  readonly packages: readonly string[]
}

// The keyword, not a text that says it. A clause between it and the module's name holds names, braces,
// commas and a star.
const importPattern =
  /(?<!['"])\b(?:import|export)\b(?:[\w\s{},*$]*?\bfrom)?\s*\(?\s*['"]([^'"]+)['"]/g
/** A worker thread's module. */
const workerPattern = /\bnew URL\(\s*['"](\.[^'"]+)\.js['"]/g
const commentPattern = /\/\*[\s\S]*?\*\/|(?<![:\w'"])\/\/.*$/gm
const grabBags = /(?:^|\/)(?:utils?|helpers?|common|types|shared|misc|lib|index)(?:\.ts|\/)/
const kebabCase = /^(?:[a-z0-9]+(?:-[a-z0-9]+)*\/)*[a-z0-9]+(?:-[a-z0-9]+)*\.ts$/

/** What is wrong, one sentence each; empty where all rules hold. */
export function architectureFaults(tree: SourceTree): readonly string[] {
  const files = readSources(tree.root)
  return [...files.flatMap((file) => fileFaults(file, files, tree)), ...cycles(files)]
}

/** What may be imported and is not, one sentence each: the next import there deserves a thought. */
export function unusedDirections({ root, directions }: SourceTree): readonly string[] {
  const used = new Set(
    readSources(root).flatMap(({ path, imports }) =>
      imports.map((imported) => `${unitOf(path, directions)} → ${unitOf(imported, directions)}`),
    ),
  )
  return Object.entries(directions).flatMap(([unit, others]) =>
    others
      .filter((other) => !used.has(`${unit} → ${other}`))
      .map((other) => `${unit} may import ${other}, and does not`),
  )
}

function readSources(root: string): readonly SourceFile[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => readSource(root, path.split(sep).join('/')))
    .sort((a, b) => a.path.localeCompare(b.path))
}

function readSource(root: string, path: string): SourceFile {
  const code = readFileSync(join(root, path), 'utf8').replace(commentPattern, '')
  const names = [...code.matchAll(importPattern)].map(([, name = '']) => name)
  const workers = [...code.matchAll(workerPattern)].map(([, name]) => `${name}.ts`)
  const below = (name: string) =>
    relative(root, join(root, dirname(path), name)).replaceAll(sep, '/')
  return {
    path,
    code,
    imports: [...names.filter((name) => name.startsWith('.')), ...workers].map(below),
    packages: names.filter((name) => !name.startsWith('.')),
  }
}

function fileFaults(
  { path, code, imports, packages }: SourceFile,
  files: readonly SourceFile[],
  tree: SourceTree,
): readonly string[] {
  const faults: string[] = []
  const own = unitOf(path, tree.directions)
  if (own === undefined) faults.push(`${path} is in no unit that has a direction`)
  for (const imported of imports) {
    const unit = unitOf(imported, tree.directions)
    if (!files.some((file) => file.path === imported)) {
      faults.push(`${path} imports ${imported}, which is not there`)
    } else if (own !== undefined && unit !== undefined && unit !== own) {
      if (tree.directions[own]?.includes(unit) !== true) {
        faults.push(`${path} imports ${imported}, but ${own} may not import ${unit}`)
      }
    }
  }
  for (const name of packages) {
    const [scope = '', rest] = name.split('/')
    const isDeclared = tree.packages.includes(scope.startsWith('@') ? `${scope}/${rest}` : scope)
    if (!name.startsWith('node:') && !isDeclared) {
      faults.push(`${path} imports ${name}, which package.json does not declare`)
    }
  }
  if (path !== 'main.ts' && /(?<![\w.])process\s*[.[(]|\bglobalThis\b|node:process/.test(code)) {
    faults.push(`${path} touches the process; only main.ts does`)
  }
  if (grabBags.test(path)) faults.push(`${path}: its name says nothing of what it owns`)
  if (!kebabCase.test(path)) faults.push(`${path}: names are kebab-case`)
  if (/\bexport\s+default\b|\bas default\b/.test(code)) faults.push(`${path} has a default export`)
  if (/\bexport\s+(?:type\s+)?[{*][^=(]*?\bfrom\s*['"]/.test(code)) {
    faults.push(`${path} exports what another file owns`)
  }
  return faults
}

function unitOf(path: string, directions: Directions): string | undefined {
  return Object.keys(directions)
    .filter((unit) => path === `${unit}.ts` || path.startsWith(`${unit}/`))
    .sort((a, b) => b.length - a.length)[0]
}

function cycles(files: readonly SourceFile[]): readonly string[] {
  const imports = new Map(files.map((file) => [file.path, file.imports]))
  const found: string[] = []
  const done = new Set<string>()
  const visit = (path: string, way: readonly string[]): void => {
    if (way.includes(path)) {
      found.push(`a cycle: ${[...way.slice(way.indexOf(path)), path].join(' → ')}`)
    } else if (!done.has(path)) {
      for (const imported of imports.get(path) ?? []) visit(imported, [...way, path])
      done.add(path)
    }
  }
  for (const { path } of files) visit(path, [])
  return found
}
