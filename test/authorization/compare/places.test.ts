import { expect, test } from 'vitest'
import { placesOf } from '../../../src/authorization/compare/places.ts'

const labels = (networks: readonly string[]) => placesOf(networks).map(({ label }) => label)

test('each piece that networks cut has an address, the outermost first', () => {
  expect(labels([])).toEqual(['elsewhere'])
  expect(labels(['10.0.0.0/8', '10.1.0.0/16'])).toEqual(['elsewhere', '10.0.0.0/8', '10.1.0.0/16'])
  expect(labels(['0.0.0.0/0', '::/0']).toSorted()).toEqual(['0.0.0.0/0', '::/0'])
})

test('what is in no network is found also where networks reach the last address of all', () => {
  expect(labels(['128.0.0.0/1', '::/0'])[0]).toBe('elsewhere')
  expect(labels(['0.0.0.0/0', '2000::/3', '8000::/1'])[0]).toBe('elsewhere')
})
