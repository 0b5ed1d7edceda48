import { createPublicKey } from 'node:crypto'
import { expect, test } from 'vitest'
import { keyIdOf } from '../../src/signing/key-id.ts'

test("the key id of the token specification's own example", () => {
  const example = createPublicKey({
    format: 'jwk',
    key: {
      kty: 'EC',
      crv: 'P-256',
      x: 'm7zUpx3b-zmVE5cymSs64POG9QcyEpJaYCD82-549_Q',
      y: 'dU3biz8sZ_8GPB-odm8Wxz3lNDr1xcAQQPQaOcr1fmc',
    },
  })
  expect(keyIdOf(example)).toBe('PYYO:TEWU:V7JH:26JV:AQTZ:LJC3:SXVJ:XGHA:34F2:2LAQ:ZRMK:Z7Q6')
})
