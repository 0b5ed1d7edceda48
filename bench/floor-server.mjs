/**
 * The least that Node can do for a token: bare `node:http`, a token's length of text, one signature,
 * no rules, no claims, no log. What it needs, no server on Node can go below.
 */

import { generateKeyPairSync, sign } from 'node:crypto'
import { createServer } from 'node:http'

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const key = { key: privateKey, dsaEncoding: 'ieee-p1363' }
const input = 'x'.repeat(1_100)

createServer((request, response) => {
  if (!request.url.startsWith('/token')) return response.end()
  sign('sha256', Buffer.from(input), key, (_error, signature) => {
    const token = `${input}.${signature.toString('base64url')}`
    const text = JSON.stringify({ token, access_token: token })
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': text.length })
    response.end(text)
  })
}).listen(Number(process.argv[2]), '127.0.0.1')
