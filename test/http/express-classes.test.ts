import { once } from 'node:events'
import { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { Router } from 'express'
import { afterEach, expect, test } from 'vitest'
import { createExpressServer } from '../../src/http/express-classes.ts'

const servers: ReturnType<typeof createExpressServer>[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

async function serve(app: express.Express): Promise<string> {
  const server = createExpressServer(app, { maxHeaderSize: 8192 }, () => false)
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('requests and responses are born with the prototypes that Express would set', async () => {
  const app = express()
  const born: object[] = []
  app.get('/', (request, response) => {
    response.json({
      request: Object.getPrototypeOf(request) === born[0] && request instanceof IncomingMessage,
      response: Object.getPrototypeOf(response) === born[1] && response instanceof ServerResponse,
      app: request.app === app && response.app === app,
    })
  })
  const url = await serve(app)
  servers[0]?.prependListener('request', (request, response) => {
    born.push(Object.getPrototypeOf(request), Object.getPrototypeOf(response))
  })
  expect(await (await fetch(url)).json()).toEqual({ request: true, response: true, app: true })
})

test('every Express feature that the server uses works on them', async () => {
  const app = express()
  app.disable('x-powered-by').set('etag', false).set('query parser', false)
  const router = Router()
  router.get(['/a', '/b/c'], (request, response) => {
    response
      .set('Cache-Control', 'no-store')
      .status(201)
      .json({ path: request.path, url: request.url })
  })
  router.get('/text', (_request, response) => void response.type('text/plain').send('ok\n'))
  router.post(
    '/form',
    express.text({ type: 'application/x-www-form-urlencoded', limit: 100 }),
    (request, response) => {
      response.json(request.body)
    },
  )
  router.get('/late', async () => {
    await new Promise((resolve) => setImmediate(resolve))
    throw new Error('rejected')
  })
  app.use(router)
  app.use((_request, response) => void response.writeHead(404).end())
  app.use(
    ((error, _request, response, _next) =>
      void response
        .status(error.status ?? 500)
        .json(error.message)) satisfies express.ErrorRequestHandler,
  )
  const url = await serve(app)

  const found = await fetch(`${url}/b/c/?x=1&x=2`)
  expect(found.status).toBe(201)
  expect(found.headers.get('cache-control')).toBe('no-store')
  expect(found.headers.get('x-powered-by')).toBeNull()
  expect(found.headers.get('etag')).toBeNull()
  expect(await found.json()).toEqual({ path: '/b/c/', url: '/b/c/?x=1&x=2' })
  expect(await (await fetch(`${url}/a`, { method: 'HEAD' })).text()).toBe('')
  expect(await (await fetch(`${url}/text`)).text()).toBe('ok\n')

  const form = (body: string) =>
    fetch(`${url}/form`, {
      method: 'POST',
      body,
      headers: { 'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8' },
    })
  expect(await (await form('a=1&a=2')).json()).toBe('a=1&a=2')
  expect((await form('x'.repeat(101))).status).toBe(413)
  expect(await (await fetch(`${url}/late`)).json()).toBe('rejected')
  expect((await fetch(`${url}/none`)).status).toBe(404)
})
