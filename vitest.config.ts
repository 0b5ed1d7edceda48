import { defineConfig } from 'vitest/config'

// Two suites: `fast` needs what npm and apt give, `full` adds what takes long to get or to run.
const full = ['test/**/*.full.test.ts']

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: full,
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
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
