/** What a registry of either version must accept from our signer, and what it must refuse. */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type CertificateAuthority,
  openCertificateAuthority,
} from '../../src/signing/certificate-authority.ts'
import { type LeafKey, makeLeafKey } from '../../src/signing/leaf-key.ts'
import { openTokenSigner } from '../../src/signing/token-signer.ts'
import { describeWithParts } from '../support/parts.ts'
import { type Registry, startRegistry } from '../support/registry.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { es256, forge } from './forge.ts'
import { recordedLog } from './recorded-log.ts'
import {
  claims,
  headerOfLeaf,
  issuer,
  type Material,
  refusedTokens,
  service,
} from './refused-tokens.ts'

const hour = 60 * 60 * 1000
const clock = () => new Date()
const log = recordedLog()

export function describeRegistryTrust(version: 2 | 3): void {
  describeWithParts(`registry ${version}`, [`registry ${version}`], () => {
    const keysFolder = join(temporaryFolder('keys'), 'keys')
    let registry: Registry
    let authority: CertificateAuthority
    let leaf: LeafKey

    beforeAll(async () => {
      // Made two days ago, so that its keys may be changed as if time had passed since.
      const twoDaysAgo = () => new Date(Date.now() - 48 * hour)
      const options = { folder: keysFolder, purpose: 'token', clock: twoDaysAgo, log } as const
      authority = await openCertificateAuthority(options)
      leaf = await makeLeafKey(authority, new Date())
      registry = await startRegistry({
        version,
        realm: 'http://127.0.0.1:1/token',
        service,
        issuer,
        rootCertBundle: authority.certificateFile,
      })
    })
    afterAll(() => registry.stop())

    /** 200: it opens the registry. 404: it also allows to pull `team/app`, which does not exist. */
    async function statusOf(token: string, path = '/v2/team/app/tags/list'): Promise<number> {
      const headers = { authorization: `Bearer ${token}` }
      const response = await fetch(`${registry.url}${path}`, { headers })
      await response.arrayBuffer()
      return response.status
    }

    test('a signed token opens the registry and what it names, and nothing else', async () => {
      const signer = await openTokenSigner({ keysFolder, clock, log })
      const token = await signer.sign(claims())
      expect(await statusOf(token, '/v2/')).toBe(200)
      expect(await statusOf(token)).toBe(404)
      expect(await statusOf(token, '/v2/team/other/tags/list')).toBe(401)
      expect(await statusOf(token, '/v2/_catalog')).toBe(401)
    })

    test('A20: the key changes under load, and no request fails at a registry never restarted', async () => {
      let now = Date.now() - 25 * hour
      const signer = await openTokenSigner({ keysFolder, clock: () => new Date(now), log })
      const keyIds = new Set<unknown>()
      const answerAll = async () => {
        const tokens = await Promise.all(Array.from({ length: 20 }, () => signer.sign(claims())))
        for (const token of tokens) keyIds.add(headerOf(token)['kid'])
        const statuses = await Promise.all(tokens.map((token) => statusOf(token)))
        expect(new Set(statuses)).toEqual(new Set([404]))
      }
      for (let round = 0; round < 3; round += 1) await answerAll()
      now += 25 * hour
      // The next key is made beside the signing, which does not wait for it.
      for (let round = 0; round < 3 || (keyIds.size < 2 && round < 100); round += 1) {
        await answerAll()
      }
      expect(keyIds.size).toBe(2)
    })

    test('each process has its own key below the same CA, and all are accepted', async () => {
      const signers = await Promise.all(
        [1, 2, 3].map(() => openTokenSigner({ keysFolder, clock, log })),
      )
      const tokens = await Promise.all(signers.map((signer) => signer.sign(claims())))
      expect(new Set(tokens.map((token) => headerOf(token)['kid'])).size).toBe(3)
      for (const token of tokens) expect(await statusOf(token)).toBe(404)
    })

    test('the next CA beside the old one in ca.crt: tokens of either are accepted', async () => {
      const old = temporaryFolder('old-keys')
      const next = temporaryFolder('next-keys')
      const options = { purpose: 'token', clock, log } as const
      const oldAuthority = await openCertificateAuthority({ ...options, folder: old })
      const nextAuthority = await openCertificateAuthority({ ...options, folder: next })
      const bundle = [oldAuthority, nextAuthority]
        .map(({ certificateFile }) => readFileSync(certificateFile, 'utf8'))
        .join('')
      for (const { certificateFile } of [oldAuthority, nextAuthority]) {
        writeFileSync(certificateFile, bundle)
      }
      await using both = await startRegistry({
        version,
        realm: 'http://127.0.0.1:1/token',
        service,
        issuer,
        rootCertBundle: oldAuthority.certificateFile,
      })
      for (const folder of [old, next]) {
        const signer = await openTokenSigner({ keysFolder: folder, clock, log })
        const authorization = `Bearer ${await signer.sign(claims())}`
        expect((await fetch(`${both.url}/v2/`, { headers: { authorization } })).status).toBe(200)
      }
    })

    test('A25: every token that is not ours, for here, for now is refused', async () => {
      const good = {
        header: headerOfLeaf(leaf),
        claims: claims(),
        signature: es256(leaf.privateKey),
      }
      expect(await statusOf(forge(good)), 'the token that the others are made from').toBe(404)

      const material = { good, authority, leaf }
      const refused = { ...(await refusedTokens(material, version)), ...wrongAccess(material) }
      expect(Object.keys(refused).length).toBeGreaterThanOrEqual(version === 2 ? 45 : 40)
      const statuses: Record<string, number> = {}
      for (const [name, token] of Object.entries(refused)) statuses[name] = await statusOf(token)
      expect(statuses).toEqual(Object.fromEntries(Object.keys(refused).map((name) => [name, 401])))
    })
  })
}

function wrongAccess({ good }: Pick<Material, 'good'>): Record<string, string> {
  const allowing = (entry: object) =>
    forge({
      ...good,
      claims: {
        ...good.claims,
        access: [{ type: 'repository', name: 'team/app', actions: ['pull'], ...entry }],
      },
    })
  return {
    'of type repository(plugin)': allowing({ type: 'repository(plugin)' }),
    'of another type': allowing({ type: 'registry' }),
    'for the name as a pattern': allowing({ name: 'team/*' }),
    'for the name in upper case': allowing({ name: 'TEAM/APP' }),
    'for push alone': allowing({ actions: ['push'] }),
    'for PULL': allowing({ actions: ['PULL'] }),
    'for nothing': allowing({ actions: [] }),
  }
}

function headerOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString())
}
