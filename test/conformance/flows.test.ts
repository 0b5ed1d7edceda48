/** One client at one registry through every flow; flows.full.test.ts does the same with all of them. */

import { afterAll, beforeAll } from 'vitest'
import { describeWithParts } from '../support/parts.ts'
import { skopeo } from './flow-clients.ts'
import { testFlows } from './flow-tests.ts'
import { type Site, startSite } from './site.ts'

const parts = ['skopeo', 'registry 2', 'nginx', 'htpasswd', 'openssl'] as const

describeWithParts('skopeo at registry 2', parts, () => {
  let site: Site
  beforeAll(async () => {
    site = await startSite(2)
  })
  afterAll(() => site.stop())

  testFlows(skopeo, 2, () => site)
})
