/** Makes tokens by hand, right ones and wrong ones, without the code that is under test. */

import { createHmac, type KeyObject, sign } from 'node:crypto'

export interface TokenParts {
  readonly header: object
  readonly claims: object
  /** How the signature is made of `header.payload`. */
  readonly signature: (input: Buffer) => Buffer | string
}

export function forge({ header, claims, signature }: TokenParts): string {
  const input = [header, claims].map(encode).join('.')
  return `${input}.${Buffer.from(signature(Buffer.from(input))).toString('base64url')}`
}

export const es256 = (key: KeyObject) => (input: Buffer) =>
  sign('sha256', input, { key, dsaEncoding: 'ieee-p1363' })

export const es256InDer = (key: KeyObject) => (input: Buffer) => sign('sha256', input, key)

export const hs256 = (secret: string | Buffer) => (input: Buffer) =>
  createHmac('sha256', secret).update(input).digest()

/** The token with its payload replaced, and its signature kept. */
export function withClaims(token: string, claims: object): string {
  const [header, , signature] = token.split('.')
  return `${header}.${encode(claims)}.${signature}`
}

/** The token with its signature changed by the function. */
export function withSignature(token: string, change: (signature: Buffer) => Buffer): string {
  const [header, payload, signature] = token.split('.')
  const changed = change(Buffer.from(signature ?? '', 'base64url'))
  return `${header}.${payload}.${changed.toString('base64url')}`
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}
