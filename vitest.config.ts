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

// Two suites: `fast` needs what npm and apt give, `full` adds what takes long to get or to run.
const full = ['test/**/*.full.test.ts']
const shared = { environment: 'node' as const, setupFiles: ['test/support/setup.ts'] }

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
          exclude: full,
          // Most of them wait for another process more than they compute.
          maxWorkers: Math.max(2, availableParallelism()),
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          ...shared,
          name: 'full',
          include: full,
          testTimeout: 300_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
