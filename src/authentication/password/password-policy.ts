/** What a new password must not be. What no login could ever fit is refused where it is hashed. */

import type { Password } from '../../protocol/credentials.ts'

/** In characters: OWASP ASVS 5.0 §6.2.1, which recommends 15. Nothing is asked of the kinds of characters (§6.2.5). */
const shortest = 8

/**
 * A guesser's first tries, with digits and signs around them left out. ASVS §6.2.4 asks for a list of
 * 3,000, which is for people who choose unseen; here an operator sets passwords, and `--generate` is shorter to type.
 */
const firstTries = new Set([
  ...['password', 'passwort', 'passw0rd', 'p@ssword', 'p@ssw0rd', 'secret', 'changeme', 'changeit'],
  ...['admin', 'administrator', 'root', 'dockwarden', 'docker', 'registry', 'letmein', 'welcome'],
  ...[
    'qwerty',
    'qwertz',
    'azerty',
    'qwertyui',
    'qwertyuiop',
    'qwertzuiop',
    'asdfghjk',
    'asdfghjkl',
  ],
  ...[
    '1q2w3e4r',
    '1q2w3e4r5t',
    '1qaz2wsx',
    'zaq12wsx',
    'q1w2e3r4',
    '1234567890',
    'abcd1234',
    'abc12345',
  ],
  ...[
    'iloveyou',
    'trustno1',
    'sunshine',
    'princess',
    'football',
    'baseball',
    'superman',
    'starwars',
  ],
])

/** @returns what is wrong with it, in a sentence that does not show it */
export function passwordFault(password: Password, accountName: string): string | undefined {
  const text = password.reveal()
  if ([...text].length < shortest) {
    return `The password has fewer than ${shortest} characters; 15 or more are better.`
  }
  const readings = plainReadings(text)
  const names = [accountName, [...accountName].reverse().join('')]
  if (readings.some((reading) => names.includes(reading))) {
    return 'The password is little more than the user name, which a guesser tries first.'
  }
  const piece = readings.at(-1) ?? text
  if (readings.some((reading) => firstTries.has(reading)) || piece.length < 2 || isRun(piece)) {
    return 'The password is one of the first that a guesser tries.'
  }
  return undefined
}

/** The password as it is, without what stands around its letters, and what it repeats; in one case. */
function plainReadings(text: string): readonly string[] {
  const whole = text.normalize('NFKC').toLowerCase()
  const core = whole.replace(/^[^\p{L}]+|[^\p{L}]+$/gu, '')
  const repeated = (part: string) => /^(.+?)\1*$/su.exec(part)?.[1] ?? part
  return [whole, core, repeated(core), repeated(whole)]
}

/** `12345678`, `hgfedcba`: each character is one step from the one before. */
function isRun(text: string): boolean {
  const steps = [...text].map((character, index, all) =>
    index === 0 ? 0 : (character.codePointAt(0) ?? 0) - (all[index - 1]?.codePointAt(0) ?? 0),
  )
  return (
    Math.abs(steps[1] ?? 0) === 1 && steps.every((step, index) => index === 0 || step === steps[1])
  )
}
