/** Tokens that are not ours, not for here, or not for now: nobody may take one of them. */

import { createPrivateKey, type KeyObject, randomUUID, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { leafExtensions, signCertificate } from '../../src/signing/certificate.ts'
import {
  type CertificateAuthority,
  makeKeyPair,
  openCertificateAuthority,
} from '../../src/signing/certificate-authority.ts'
import { keyIdOf } from '../../src/signing/key-id.ts'
import { type LeafKey, makeLeafKey } from '../../src/signing/leaf-key.ts'
import { ensureTlsCertificate } from '../../src/signing/tls-certificate.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { es256, es256InDer, forge, hs256, withClaims, withSignature } from './forge.ts'
import { recordedLog } from './recorded-log.ts'

const hour = 60 * 60 * 1000
export const service = 'registry.example.com'
export const issuer = 'dockwarden'
const clock = () => new Date()
const log = recordedLog()

export interface Claims {
  readonly exp: number
  readonly [claim: string]: unknown
}

/** What registries and we take. */
export function claims(changes: Readonly<Record<string, unknown>> = {}): Claims {
  const now = Math.floor(Date.now() / 1000)
  return {
    iss: issuer,
    sub: 'alice',
    aud: service,
    exp: now + 300,
    nbf: now - 60,
    iat: now,
    jti: randomUUID(),
    access: [{ type: 'repository', name: 'team/app', actions: ['pull'] }],
    ...changes,
  }
}

/** The header of a token that the leaf signs. */
export function headerOfLeaf(leaf: LeafKey): object {
  const x5c = [leaf.certificate.raw.toString('base64')]
  return { typ: 'JWT', alg: 'ES256', kid: leaf.keyId, x5c }
}

export interface Material {
  readonly good: {
    readonly header: object
    readonly claims: Claims
    readonly signature: (input: Buffer) => Buffer
  }
  readonly authority: CertificateAuthority
  readonly leaf: LeafKey
}

/** Name of the attack or fault → token. @param version of the registry: 3 takes a list of audiences */
export async function refusedTokens(
  material: Material,
  version: 2 | 3,
): Promise<Record<string, string>> {
  return {
    ...wrongAlgorithms(material),
    ...(await wrongKeys(material)),
    ...(await wrongCertificates(material)),
    ...wrongSignatures(material),
    ...wrongClaims(material, version),
  }
}

function wrongAlgorithms({ good, authority, leaf }: Material): Record<string, string> {
  const spki = leaf.certificate.publicKey
  const none = () => ''
  const keyed = (alg: string, secret: string | Buffer) =>
    forge({ ...good, header: { ...good.header, alg }, signature: hs256(secret) })
  const caPem = readFileSync(authority.certificateFile, 'utf8')
  return {
    'alg none': forge({ ...good, header: { ...good.header, alg: 'none' }, signature: none }),
    'alg None': forge({ ...good, header: { ...good.header, alg: 'None' }, signature: none }),
    'alg none, no key named': forge({
      ...good,
      header: { typ: 'JWT', alg: 'none' },
      signature: none,
    }),
    'alg none with our signature': forge({ ...good, header: { ...good.header, alg: 'none' } }),
    'HS256 keyed with the CA certificate in PEM': keyed('HS256', caPem),
    'HS256 keyed with the CA certificate in DER': keyed('HS256', authority.certificate.raw),
    'HS256 keyed with the public key in PEM': keyed(
      'HS256',
      spki.export({ type: 'spki', format: 'pem' }),
    ),
    'HS256 keyed with the public key in DER': keyed(
      'HS256',
      spki.export({ type: 'spki', format: 'der' }),
    ),
    'HS256 keyed with nothing': keyed('HS256', ''),
    'HS256 by the key id of the CA': forge({
      ...good,
      header: { typ: 'JWT', alg: 'HS256', kid: keyIdOf(authority.certificate.publicKey) },
      signature: hs256(caPem),
    }),
    'alg es256': forge({ ...good, header: { ...good.header, alg: 'es256' } }),
    'alg ES384': forge({ ...good, header: { ...good.header, alg: 'ES384' } }),
    'alg RS256': forge({ ...good, header: { ...good.header, alg: 'RS256' } }),
    'no alg': forge({ ...good, header: { ...good.header, alg: undefined } }),
  }
}

async function wrongKeys({ good, authority, leaf }: Material): Promise<Record<string, string>> {
  const rogue = await makeKeyPair()
  const signature = es256(rogue.privateKey)
  const jwk = rogue.publicKey.export({ format: 'jwk' })
  const caKey = authority.certificate.publicKey
  const named = (header: object) =>
    forge({ ...good, header: { typ: 'JWT', alg: 'ES256', ...header }, signature })
  const ownKey = (header: object) =>
    forge({ ...good, header: { typ: 'JWT', alg: 'ES256', ...header } })
  return {
    'a foreign jwk': named({ jwk }),
    "a foreign jwk that says the CA's key id": named({
      jwk: { ...jwk, kid: keyIdOf(caKey) },
    }),
    "a foreign jwk beside the CA's key id": named({ jwk, kid: keyIdOf(caKey) }),
    'a foreign jwk with our certificate as its x5c': named({
      jwk: { ...jwk, x5c: [leaf.certificate.raw.toString('base64')] },
    }),
    'a foreign jwk behind jku': named({ jku: 'http://127.0.0.1:1/keys', kid: 'k' }),
    'our leaf as jwk, without its certificate': ownKey({
      jwk: leaf.certificate.publicKey.export({ format: 'jwk' }),
    }),
    'our leaf by its key id alone': ownKey({ kid: leaf.keyId }),
    "the CA's key id, signed by our leaf": ownKey({ kid: keyIdOf(caKey) }),
    'no key named at all': ownKey({}),
    'an empty x5c': ownKey({ x5c: [] }),
    'our certificate, another key': named({ x5c: [leaf.certificate.raw.toString('base64')] }),
    "the CA's certificate, another key": named({
      x5c: [authority.certificate.raw.toString('base64')],
    }),
  }
}

async function wrongCertificates({
  good,
  authority,
  leaf,
}: Material): Promise<Record<string, string>> {
  const options = { folder: temporaryFolder('rogue'), purpose: 'token', clock, log } as const
  const rogueAuthority = await openCertificateAuthority(options)
  const rogueLeaf = await makeLeafKey(rogueAuthority, new Date())
  const below = await signCertificate(
    {
      subject: 'CN=dockwarden token signing',
      publicKey: rogueLeaf.certificate.publicKey,
      notBefore: leaf.notBefore,
      notAfter: leaf.notAfter,
      extensions: leafExtensions(),
    },
    { certificate: leaf.certificate, privateKey: leaf.privateKey },
  )
  const tls = temporaryFolder('tls')
  await ensureTlsCertificate({ folder: tls, host: service, clock, log })
  const tlsChain = readFileSync(join(tls, 'tls.crt'), 'utf8').match(
    /-----BEGIN[^-]+-----END[^-]+-----/g,
  )
  const tlsKey = createPrivateKey(readFileSync(join(tls, 'tls.key'), 'utf8'))
  const expired = await makeLeafKey(authority, new Date(Date.now() - 8 * 24 * hour))
  const early = await makeLeafKey(authority, new Date(Date.now() + 2 * hour))
  const signed = (key: KeyObject, certificates: readonly X509Certificate[]) =>
    forge({
      ...good,
      header: {
        typ: 'JWT',
        alg: 'ES256',
        x5c: certificates.map(({ raw }) => raw.toString('base64')),
      },
      signature: es256(key),
    })
  return {
    'a certificate that signed itself': signed(rogueAuthority.privateKey, [
      rogueAuthority.certificate,
    ]),
    'a leaf of a CA of the same name': signed(rogueLeaf.privateKey, [rogueLeaf.certificate]),
    'a leaf of another CA, with that CA': signed(rogueLeaf.privateKey, [
      rogueLeaf.certificate,
      rogueAuthority.certificate,
    ]),
    'a leaf of another CA, with ours behind it': signed(rogueLeaf.privateKey, [
      rogueLeaf.certificate,
      authority.certificate,
    ]),
    'a certificate that our leaf signed': signed(rogueLeaf.privateKey, [below, leaf.certificate]),
    "the TLS server's certificate": signed(
      tlsKey,
      (tlsChain ?? []).map((pem) => new X509Certificate(`${pem}`)),
    ),
    'our leaf of last week': signed(expired.privateKey, [expired.certificate]),
    'a leaf that is not valid yet': signed(early.privateKey, [early.certificate]),
    'our certificate in base64url': forge({
      ...good,
      header: { ...good.header, x5c: [leaf.certificate.raw.toString('base64url')] },
    }),
  }
}

function wrongSignatures({ good, leaf }: Material): Record<string, string> {
  const token = forge(good)
  const more = [{ type: 'repository', name: 'team/app', actions: ['pull', 'push', '*'] }]
  return {
    'a changed payload': withClaims(token, { ...good.claims, access: more }),
    'a changed signature': withSignature(token, (signature) => {
      signature[40] = (signature[40] ?? 0) ^ 1
      return signature
    }),
    'a signature cut short': withSignature(token, (signature) => signature.subarray(0, 63)),
    'a signature of zeros': withSignature(token, () => Buffer.alloc(64)),
    'no signature': withSignature(token, () => Buffer.alloc(0)),
    'a signature in DER': forge({ ...good, signature: es256InDer(leaf.privateKey) }),
  }
}

function wrongClaims({ good }: Material, version: 2 | 3): Record<string, string> {
  const now = Math.floor(Date.now() / 1000)
  const saying = (changes: Readonly<Record<string, unknown>>) =>
    forge({ ...good, claims: { ...good.claims, ...changes } })
  return {
    'for another service': saying({ aud: 'other.example.com' }),
    'for the service in another case': saying({ aud: service.toUpperCase() }),
    'for no service': saying({ aud: undefined }),
    ...(version === 2 ? { 'for a list of services': saying({ aud: [service] }) } : {}),
    'from another issuer': saying({ iss: 'other' }),
    'from the issuer with a slash': saying({ iss: `${issuer}/` }),
    'from nobody': saying({ iss: undefined }),
    'expired two minutes ago': saying({ exp: now - 120 }),
    'without an end': saying({ exp: undefined }),
    'with an end in words': saying({ exp: String(now + 300) }),
    'valid from two minutes on': saying({ nbf: now + 120 }),
    'with a number as subject': saying({ sub: 7 }),
  }
}
