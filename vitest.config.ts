import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const root = fileURLToPath(new URL('.', import.meta.url))

/** Tests import `src/x.ts` and get `dist/x.js`: what is tested is what ships, worker threads included. */
const testTheBuild = {
  name: 'test-the-build',
  enforce: 'pre' as const,
  async resolveId(
    this: {
      resolve: (id: string, from?: string, options?: object) => Promise<{ id: string } | null>
    },
    id: string,
    importer?: string,
  ) {
    if (!id.endsWith('.ts') || !id.includes('/src/')) return null
    const found = await this.resolve(id, importer, { skipSelf: true })
    const path = found?.id
    if (path === undefined || !path.startsWith(`${root}src/`)) return null
    return path.replace(`${root}src/`, `${root}dist/`).replace(/\.ts$/, '.js')
  },
}

// Two suites: `fast` needs what npm and apt give, `full` adds what takes long to get or to run. The drills
// of the full suite measure time, so they come after everything else, one by one.
const full = ['test/**/*.full.test.ts']
const drills = ['test/**/*.drill.test.ts']
const slow = { testTimeout: 300_000, hookTimeout: 600_000 }
const shared = {
  environment: 'node' as const,
  setupFiles: ['test/support/setup.ts'],
  // What is waited for comes, or never does: vitest's own second is too short on a busy machine.
  expect: { poll: { timeout: 30_000 } },
}

export default defineConfig({
  plugins: [testTheBuild],
  test: {
    projects: [
      {
        extends: true,
        test: {
          ...shared,
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: [...full, ...drills],
          // Most of them wait for another process more than they compute.
          maxWorkers: availableParallelism() + 1,
          testTimeout: 120_000,
          hookTimeout: 240_000,
        },
      },
      {
        extends: true,
        test: {
          ...shared,
          ...slow,
          name: 'full',
          include: full,
          // They wait for engines, registries and directories; two Docker engines wait for each other.
          maxWorkers: 4,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          ...shared,
          ...slow,
          name: 'drills',
          include: drills,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
