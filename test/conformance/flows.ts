/** The flows that must work, and be refused, with every client: what is done, and what the client says. */

import { expect } from 'vitest'
import { type Image, makeImage } from '../support/image.ts'
import type { RunResult } from '../support/process.ts'
import type { FlowClient, Session } from './flow-clients.ts'
import { passwords, type Site } from './site.ts'

export interface Flow {
  readonly name: string
  readonly isRefused?: true
  /** The command that not every client has. */
  readonly needs?: FlowClient['lacks'][number]
  act(people: People): Promise<RunResult | undefined> | undefined
  /** What it must print; `others` for the clients that are not named. */
  readonly says?: Readonly<Partial<Record<FlowClient['name'] | 'others', RegExp>>>
  /** What must hold besides, when it is done. */
  check?(people: People, result: RunResult): Promise<void> | void
}

/** Who takes part in the flows of one client at one site. */
export interface People {
  readonly site: Site
  /** May pull, push and delete in `team/` and `public/`, and list the catalog. */
  readonly alice: Session
  /** May pull in `team/`. */
  readonly bob: Session
  /** Has the name of bob, and no password. */
  readonly impostor: Session
  readonly nobody: Session
  readonly image: Image
  /** The private image, `team/CLIENT:1`. */
  readonly app: string
  /** The public one, `public/CLIENT:1`. */
  readonly tool: string
}

export async function gatherPeople(client: FlowClient, site: Site): Promise<People> {
  return {
    site,
    alice: await client.session(site),
    bob: await client.session(site),
    impostor: await client.session(site),
    nobody: await client.session(site),
    image: makeImage(),
    app: `team/${client.name}:1`,
    tool: `public/${client.name}:1`,
  }
}

/** The registry's own words, as the clients of containers/image and docker pass them on. */
const denied = {
  crane: /UNAUTHORIZED: authentication required/,
  others: /denied: requested access to the resource is denied/,
}

/** In this order: each one finds what the ones before it have left. */
export const flows: readonly Flow[] = [
  {
    name: 'login, MD5 hash of plain htpasswd',
    act: ({ alice }) => alice.login('alice', passwords.alice),
    says: { crane: /logged in via/, others: /Login Succeeded/ },
  },
  {
    name: 'login, bcrypt hash of htpasswd -B',
    act: ({ bob }) => bob.login('bob', passwords.bob),
    says: { crane: /logged in via/, others: /Login Succeeded/ },
  },
  {
    name: 'push',
    act: ({ alice, image, app }) => alice.push(image, app),
  },
  {
    name: 'pull',
    act: ({ bob, app }) => bob.pull(app),
  },
  {
    name: 'push without the right to',
    isRefused: true,
    act: ({ bob, app }) => bob.push(makeImage(), `${app}-of-bob`),
    says: denied,
  },
  {
    name: 'anonymous pull, public',
    act: async ({ alice, nobody, image, tool }) => {
      expect(await alice.push(image, tool)).toMatchObject({ code: 0 })
      return await nobody.pull(tool)
    },
  },
  {
    name: 'anonymous pull, private',
    isRefused: true,
    act: ({ nobody, app }) => nobody.pull(app),
    says: {
      docker: /pull access denied for .+, repository does not exist or may require 'docker login'/,
      ...denied,
    },
  },
  {
    name: 'wrong password, even for what is public',
    isRefused: true,
    act: async ({ impostor, tool }) => {
      const login = await impostor.login('bob', 'a guess')
      // crane asks nobody at its login, so the fault shows at the first use.
      return login.code === 0 ? await impostor.pull(tool) : login
    },
    says: {
      docker: /unauthorized: wrong user name or password/,
      crane: /UNAUTHORIZED: wrong user name or password/,
      others: /invalid username\/password/,
    },
  },
  {
    name: 'mount from another repository',
    act: ({ alice, app }) => alice.mount(app, app.replace('team/', 'team/copy/')),
    check: ({ site, app }) => {
      const target = `POST /v2/${app.replace('team/', 'team/copy/').split(':')[0]}/blobs/uploads/?`
      const mounts = site.nginx
        .accessLog()
        .filter((line) => line.startsWith(target) && line.includes('mount='))
      expect(mounts.length).toBeGreaterThan(0)
      // 201: the registry had the blob; 202 would have started an upload.
      for (const line of mounts) expect(line).toMatch(/ 201$/)
    },
  },
  {
    name: 'list tags',
    needs: 'tags',
    act: ({ bob, app }) => bob.tags?.(app.slice(0, -2)),
    check: (_, { stdout }) => expect(stdout).toMatch(/\b1\b/),
  },
  {
    name: 'list the catalog',
    needs: 'catalog',
    act: ({ alice }) => alice.catalog?.(),
    check: ({ app }, { stdout }) => expect(stdout).toContain(app.slice(0, -2)),
  },
  {
    name: 'list the catalog without the right to',
    needs: 'catalog',
    isRefused: true,
    act: ({ bob }) => bob.catalog?.(),
    says: denied,
  },
  {
    name: 'delete without the right to',
    needs: 'remove',
    isRefused: true,
    act: ({ bob, app }) => bob.remove?.(app),
    says: { others: /authentication required/ },
  },
  {
    name: 'delete',
    needs: 'remove',
    act: ({ alice, app }) => alice.remove?.(app),
    check: async ({ bob, app }) => {
      const gone = await bob.pull(app)
      expect(gone.code).not.toBe(0)
      expect(gone.output).toMatch(/manifest[ _]unknown/i)
    },
  },
]
