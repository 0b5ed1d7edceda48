import { describe, expect, test } from 'vitest'
import { formatScope } from '../../src/protocol/scope.ts'
import { readRegistryRequest } from '../../src/token/registry-request.ts'
import { processorTime } from '../support/processor-time.ts'

const digest = `sha256:${'0'.repeat(64)}`

/** As the registry's challenge would write it; undefined where nothing is said. */
function needsOf(method: string, uri: string): string | undefined {
  const read = readRegistryRequest(method, uri)
  if (read === undefined) return undefined
  const scopes = [read.target, read.source].filter((scope) => scope !== undefined)
  return scopes.map(formatScope).join(' ')
}

describe('a request needs what the registry demands for it', () => {
  test.each([
    ['GET', '/v2/', ''],
    ['HEAD', '/v2/', ''],
    ['GET', '/v2/_catalog', 'registry:catalog:*'],
    ['GET', '/v2/_catalog?n=1000&last=b', 'registry:catalog:*'],
    ['GET', '/v2/a/tags/list', 'repository:a:pull'],
    ['GET', '/v2/team/app/tags/list?n=5', 'repository:team/app:pull'],
    ['GET', '/v2/team/app/manifests/1.0_x-Y', 'repository:team/app:pull'],
    ['HEAD', `/v2/team/app/manifests/${digest}`, 'repository:team/app:pull'],
    ['PUT', '/v2/team/app/manifests/latest', 'repository:team/app:pull,push'],
    ['DELETE', `/v2/team/app/manifests/${digest}`, 'repository:team/app:delete'],
    ['GET', `/v2/team/app/blobs/${digest}`, 'repository:team/app:pull'],
    ['DELETE', `/v2/team/app/blobs/${digest}`, 'repository:team/app:delete'],
    ['POST', '/v2/team/app/blobs/uploads/', 'repository:team/app:pull,push'],
    [
      'PATCH',
      '/v2/team/app/blobs/uploads/8c6c15a4-4af7?_state=Oak%3D',
      'repository:team/app:pull,push',
    ],
    ['GET', '/v2/team/app/blobs/uploads/8c6c15a4-4af7', 'repository:team/app:pull'],
    ['DELETE', '/v2/team/app/blobs/uploads/8c6c15a4-4af7', 'repository:team/app:delete'],
    [
      'POST',
      `/v2/team/app/blobs/uploads/?from=public%2Fbase&mount=${digest}`,
      'repository:team/app:pull,push repository:public/base:pull',
    ],
    ['GET', '/v2/team/app/tags/list?from=x/y', 'repository:team/app:pull repository:x/y:pull'],
    // A repository may be called like a part of a route.
    [
      'GET',
      '/v2/blobs/uploads/manifests/list/tags/list',
      'repository:blobs/uploads/manifests/list:pull',
    ],
    ['GET', '/v2/a/blobs/uploads/manifests/b', 'repository:a/blobs/uploads:pull'],
    ['POST', '/v2/manifests/blobs/uploads/', 'repository:manifests:pull,push'],
  ])('%s %s: %s', (method, uri, needs) => {
    expect(needsOf(method, uri)).toBe(needs)
  })
})

describe('of what a registry may read otherwise nothing is said', () => {
  const uris = [
    ...['', '/', '/v2', '/v1/', '/v2//', '/token', '//v2/a/tags/list', 'http://x/v2/a/tags/list'],
    ...['/v2/a', '/v2/a/tags', '/v2/a/tags/list/', '/v2/a/manifests/', '/v2/a/manifests/x/y'],
    ...['/v2/a/../b/tags/list', '/v2/./a/tags/list', '/v2//a/tags/list', '/v2/a//b/tags/list'],
    ...['/v2/a%2fb/tags/list', '/v2/%61/tags/list', '/v2/a/manifests/%2e', '/v2/a\u0000/tags/list'],
    ...[
      '/v2/A/tags/list',
      '/v2/a-/tags/list',
      '/v2/-a/tags/list',
      '/v2/a..b/tags/list',
      '/v2/ä/tags/list',
    ],
    ...['/v2/a b/tags/list', '/v2/a\n/tags/list', '/v2/host:5000/a/tags/list', '/v2/a/tags/list\n'],
    ...[`/v2/${'a'.repeat(256)}/tags/list`, `/v2/a/blobs/${digest}/x`, '/v2/a/blobs/uploads'],
    ...['/v2/a/blobs/latest', '/v2/_catalog/', '/v2/_catalog/x', '/v2/a/referrers/x'],
    ...['/v2/a/tags/list?from=', '/v2/a/tags/list?from=B', '/v2/a/tags/list?from=b&from=c'],
    ...['/v2/a/tags/list?from=b%3Apull%20repository%3Ac', '/v2/a/tags/list?from=b%0d%0a'],
    ...['/v2/*/tags/list', '/v2/a/**/tags/list', '/v2/a#b/tags/list'],
  ]
  test.each(uris)('%j', (uri) => {
    expect(needsOf('GET', uri)).toBeUndefined()
  })
  test.each(['OPTIONS', 'PURGE', 'get', '', 'constructor', 'TRACE'])('method %j', (method) => {
    expect(needsOf(method, '/v2/a/tags/list')).toBeUndefined()
  })
})

test('B27: the worst path is read in no time', () => {
  const start = processorTime()
  for (const part of ['a/', 'manifests/a/', 'blobs/uploads/', 'a-']) {
    needsOf('GET', `/v2/${part.repeat(8_000 / part.length)}!`)
    needsOf('GET', `/v2/${part.repeat(8_000 / part.length)}/tags/list`)
  }
  expect(processorTime() - start).toBeLessThan(50)
})
