/**
 * The blocks of README.md, each by a name. A test that names a block runs what a reader would run, and
 * readme.test.ts sees to it that none is without a name, and no name without a test.
 */

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { fencedBlocks } from './markdown.ts'

export const root = fileURLToPath(new URL('../..', import.meta.url))

export const blocks = fencedBlocks(readFileSync(`${root}README.md`, 'utf8'))

/** @param index which of the blocks in that language under that heading */
function block(heading: string, language: string, index = 0): string {
  const found = blocks.filter((each) => each.heading === heading && each.language === language)
  const text = found[index]?.text
  if (text === undefined) throw new Error(`README.md: no ${language} block ${index}: ${heading}`)
  return text
}

const directory = 'LDAP and Active Directory'
const compose = 'Proxy, registry and Dockwarden: one compose file'
const everybody = 'nginx asks for the password, everybody may everything'
const services = 'Registry and nginx are services of the machine'
const nativeHtpasswd = 'The registry reads the htpasswd file itself'

export const readme = {
  npmStart: block('Start', 'sh', 0),
  npmTest: block('Start', 'sh', 1),

  composeUp: block(compose, 'sh', 0),
  composeEnvironment: block(compose, 'ini'),
  composeTrust: block(compose, 'sh', 1),
  composeConfiguration: block(compose, 'sh', 2),
  composeCheck: block(compose, 'sh', 3),

  rules: block('The rules', 'yaml'),

  accounts: block('Accounts', 'sh'),
  directory: block(directory, 'yaml'),
  directoryExample: block(directory, 'ini'),
  directoryExampleUp: block(directory, 'sh'),

  everybodyBefore: block(everybody, 'nginx'),
  everybodyFiles: block(everybody, 'sh', 0),
  everybodyConfiguration: block(everybody, 'yaml'),
  everybodyEnvironment: block(everybody, 'ini'),

  anonymousPullBefore: block('Anonymous pull, authenticated push', 'nginx'),
  anonymousPullRules: block('Anonymous pull, authenticated push', 'yaml'),

  nativeHtpasswdBefore: block(nativeHtpasswd, 'yaml', 0),
  nativeHtpasswdAfter: block(nativeHtpasswd, 'yaml', 1),

  serviceInstall: block(services, 'sh', 0),
  serviceStart: block(services, 'sh', 1),

  anotherPort: block('Another port than 443', 'ini'),
  withoutTls: block('Without TLS', 'ini'),
} as const
