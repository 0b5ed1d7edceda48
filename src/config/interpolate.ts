/**
 * `${NAME}` and `${NAME:-default}` in the texts of the configuration: variables of the environment. Those of
 * rules, such as `${user}`, stay as they are where they may stand.
 */

import { variables } from '../authorization/pattern.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** What the environment gives is upper case. */
const ruleVariables: ReadonlySet<string> = new Set(variables)

/**
 * Puts the environment's values in. What is put in is not looked at again, and is only ever part of
 * one text: it can neither name another variable nor become a list or a map. As in compose, the
 * default also stands in for a variable that is empty.
 *
 * @param keepsRuleVariables whether `${user}`, `${group}` and `${robot}` mean something here
 * @returns the text, or sentences for whoever wrote it
 */
export function interpolate(
  text: string,
  env: Environment,
  keepsRuleVariables: boolean,
): { readonly text: string } | { readonly faults: readonly string[] } {
  const faults: string[] = []
  const ofRules = keepsRuleVariables ? `\${user}, \${group} or \${robot} for whoever asks, or ` : ''
  const filled = text.replace(
    /\$\{([^{}]*)(\}?)/g,
    (written, inside: string, end: string, offset: number) => {
      const [, name, fallback] = /^([A-Z_][A-Z0-9_]*)(?::-(.*))?$/s.exec(inside) ?? []
      if (end === '') {
        faults.push(`"${written}" is not closed: write \${NAME} or \${NAME:-default}`)
      } else if (keepsRuleVariables && ruleVariables.has(inside)) {
        return written
      } else if (name === undefined) {
        faults.push(
          ruleVariables.has(inside)
            ? `${written} stands for whoever asks, and only in the "on" of a rule`
            : `"${written}" is no variable: write ${ofRules}\${NAME} or \${NAME:-default} with a NAME in upper case`,
        )
      } else {
        const value = env[name]
        const given = fallback === undefined ? value : value || fallback
        // Whoever sets the environment must not write rules with it, be it out of two halves.
        if (keepsRuleVariables && (given?.includes('$') || text[offset - 1] === '$')) {
          faults.push(`the value of ${name} would make a variable of rules: write it out here`)
        }
        if (given !== undefined) return given
        faults.push(
          `the environment has no ${name}: set it, or give a default: \${${name}:-default}`,
        )
      }
      return ''
    },
  )
  return faults.length > 0 ? { faults } : { text: filled }
}

/**
 * An environment of other values that look alike: each letter and each digit is another one, and so is what
 * is neither of them nor a usual separator. Whatever is told of both tells nothing of either.
 */
export function disguised(env: Environment): Environment {
  const disguise = (value: string) =>
    value.replace(/[^.:/@=,_*?{}[\]-]/gu, (character) => {
      const set = alphabets.find((each) => each.includes(character))
      return set === undefined
        ? '\u00a4'
        : (set.at((set.indexOf(character) + 1) % set.length) ?? '')
    })
  return Object.fromEntries(
    Object.entries(env).map(([name, value]) => [name, value && disguise(value)]),
  )
}

const alphabets = ['abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', '0123456789']
