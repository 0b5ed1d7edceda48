// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of configurations, not of JavaScript
import { expect, test } from 'vitest'
import { quoted } from '../../src/import/yaml-text.ts'

test('what a configuration would fill in from the environment is refused, and not written', () => {
  for (const text of ['${HOME}', 'a${HOME:-b}', '${', '${users}', '${user']) {
    expect(() => quoted(text), text).toThrow(/variable of the environment/)
  }
  expect(quoted('${user}/${group}/${robot}')).toBe('"${user}/${group}/${robot}"')
  expect(quoted('a "$b" {c}\n')).toBe('"a \\"$b\\" {c}\\n"')
})
