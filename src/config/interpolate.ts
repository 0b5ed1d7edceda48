/** `${NAME}` and `${NAME:-default}` in the texts of the configuration: variables of the environment. */

export type Environment = Readonly<Record<string, string | undefined>>

/** Names that a rule will bind to whoever asks; what the environment gives is upper case. */
const ruleVariables: ReadonlySet<string> = new Set(['user', 'group', 'robot'])

/**
 * Puts the environment's values in. What is put in is not looked at again, and is only ever part of
 * one text: it can neither name another variable nor become a list or a map. As in compose, the
 * default also stands in for a variable that is empty.
 *
 * @returns the text, or sentences for whoever wrote it
 */
export function interpolate(
  text: string,
  env: Environment,
): { readonly text: string } | { readonly faults: readonly string[] } {
  const faults: string[] = []
  const filled = text.replace(/\$\{([^{}]*)(\}?)/g, (written, inside: string, end: string) => {
    const [, name, fallback] = /^([A-Z_][A-Z0-9_]*)(?::-(.*))?$/s.exec(inside) ?? []
    if (end === '') {
      faults.push(`"${written}" is not closed: write \${NAME} or \${NAME:-default}`)
    } else if (name === undefined) {
      faults.push(
        ruleVariables.has(inside)
          ? `variables of rules such as ${written} are not supported yet`
          : `"${written}" is no variable: write \${NAME} or \${NAME:-default} with a NAME in upper case`,
      )
    } else {
      const value = env[name]
      if (fallback !== undefined) return value || fallback
      if (value !== undefined) return value
      faults.push(`the environment has no ${name}: set it, or give a default: \${${name}:-default}`)
    }
    return ''
  })
  return faults.length > 0 ? { faults } : { text: filled }
}
