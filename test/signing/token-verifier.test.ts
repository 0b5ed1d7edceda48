import { beforeAll, expect, test } from 'vitest'
import {
  type CertificateAuthority,
  openCertificateAuthority,
} from '../../src/signing/certificate-authority.ts'
import { type LeafKey, makeLeafKey } from '../../src/signing/leaf-key.ts'
import { openTokenSigner } from '../../src/signing/token-signer.ts'
import { TokenVerifier } from '../../src/signing/token-verifier.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { es256, forge } from './forge.ts'
import { recordedLog } from './recorded-log.ts'
import { claims, headerOfLeaf, issuer, refusedTokens, service } from './refused-tokens.ts'

const hour = 60 * 60 * 1000
const expected = { issuer, services: ['other.example.org', service] }
const keysFolder = temporaryFolder('keys')
const log = recordedLog()
const clock = () => new Date()

let authority: CertificateAuthority
let leaf: LeafKey
beforeAll(async () => {
  // Made two days ago, so that its keys may be changed as if time had passed since.
  const twoDaysAgo = () => new Date(Date.now() - 48 * hour)
  authority = await openCertificateAuthority({
    ...{ folder: keysFolder, purpose: 'token', clock: twoDaysAgo, log },
  })
  leaf = await makeLeafKey(authority, new Date())
})

const verifier = (now = clock) => new TokenVerifier(authority.certificate, now)

/** A token of a leaf, with changed claims or header. */
const tokenOf = (key: LeafKey, changes: object = {}, header: object = {}) =>
  forge({
    header: { ...headerOfLeaf(key), ...header },
    claims: claims({ jti: 'the id', ...changes }),
    signature: es256(key.privateKey),
  })

test('a token of any process below our CA is ours', async () => {
  for (const _process of [1, 2, 3]) {
    const signer = await openTokenSigner({ keysFolder, clock, log })
    const token = await signer.sign(claims({ jti: 'the id' }))
    expect(await verifier().verify(token, expected)).toBe('the id')
  }
})

test('the leaf of yesterday still counts today', async () => {
  const old = await makeLeafKey(authority, new Date(Date.now() - 30 * hour))
  expect(await verifier().verify(tokenOf(old), expected)).toBe('the id')
})

test('a token is ours for as long as a registry takes it: a minute after its end', async () => {
  const now = Math.floor(Date.now() / 1000)
  expect(await verifier().verify(tokenOf(leaf, { exp: now - 50 }), expected)).toBeDefined()
  expect(await verifier().verify(tokenOf(leaf, { exp: now - 62 }), expected)).toBeUndefined()
})

test('A25: every token that a registry must refuse is none of ours', async () => {
  const good = { header: headerOfLeaf(leaf), claims: claims(), signature: es256(leaf.privateKey) }
  expect(await verifier().verify(forge(good), expected)).toBeDefined()
  const refused = await refusedTokens({ good, authority, leaf }, 2)
  expect(Object.keys(refused).length).toBeGreaterThanOrEqual(45)
  const taken: string[] = []
  for (const [name, token] of Object.entries(refused)) {
    if ((await verifier().verify(token, expected)) !== undefined) taken.push(name)
  }
  expect(taken).toEqual([])
})

test.each([
  ['without an id', { jti: undefined }, {}],
  ['with a number as id', { jti: 7 }, {}],
  ['without a subject', { sub: undefined }, {}],
  ['of another type', {}, { typ: 'at+jwt' }],
  ['of no type', {}, { typ: undefined }],
  ['with a header that must be understood', {}, { crit: ['x'], x: 1 }],
  ['with a certificate that is no text', {}, { x5c: [7] }],
  ['with a certificate that is none', {}, { x5c: ['AAAA'] }],
  ['with certificates that are no list', {}, { x5c: 'AAAA' }],
] as const)('a token %s is none of ours', async (_name, changes, header) => {
  expect(await verifier().verify(tokenOf(leaf, changes, header), expected)).toBeUndefined()
})

test.each([
  '',
  '.',
  '..',
  'a.b.c',
  'eyJhbGciOiJFUzI1NiJ9..',
  '\u0000',
  'é.é.é',
  'x'.repeat(20_000),
])('no token at all is none of ours: %j', async (token) => {
  expect(await verifier().verify(token, expected)).toBeUndefined()
})

test('what the CA itself signs is no token, and after the end of the CA nothing is', async () => {
  const header = { x5c: [authority.certificate.raw.toString('base64')] }
  const token = forge({
    header: { ...headerOfLeaf(leaf), ...header },
    claims: claims(),
    signature: es256(authority.privateKey),
  })
  expect(await verifier().verify(token, expected)).toBeUndefined()
  const afterTheEnd = () => new Date(authority.notAfter.getTime() + hour)
  const exp = Math.floor(afterTheEnd().getTime() / 1000) + 300
  expect(await verifier(afterTheEnd).verify(tokenOf(leaf, { exp }), expected)).toBeUndefined()
})
