/**
 * What a password policy says beside a bind (draft-behera-ldap-password-policy-10 §6.2): the one way to tell
 * an expired password from a wrong one where the directory is no Active Directory.
 */

import { type BerReader, Control } from 'ldapts'
import type { PasswordPolicyError } from './directory-session.ts'

/** The other errors of §6.2 concern changes of a password, which we never ask for. */
const errors: readonly PasswordPolicyError[] = ['expired', 'locked', 'must_change']

/** One for each bind: ldapts reads the server's answer into the control of the request. */
export class PasswordPolicyControl extends Control {
  error: PasswordPolicyError | undefined

  constructor() {
    super('1.3.6.1.4.1.42.2.27.8.5.1')
  }

  protected override parseControl(reader: BerReader): void {
    // SEQUENCE { warning [0] CHOICE { … } OPTIONAL, error [1] ENUMERATED OPTIONAL }
    if (reader.readSequence(0x30) === null) return
    if (reader.peek() === 0xa0) reader.readString(0xa0)
    if (reader.peek() !== 0x81) return
    this.error = errors[reader.readTag(0x81) ?? errors.length]
  }
}
