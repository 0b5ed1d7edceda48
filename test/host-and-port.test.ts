import { expect, test } from 'vitest'
import { hostAndPort } from '../src/host-and-port.ts'

test.each([
  ['127.0.0.1', '127.0.0.1:5001'],
  ['localhost', 'localhost:5001'],
  ['::1', '[::1]:5001'],
])('%s', (host, written) => {
  expect(hostAndPort(host, 5001)).toBe(written)
})
