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
  /** Who has not signed in yet. */
  readonly newcomer: Session
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
    newcomer: await client.session(site),
    image: makeImage(),
    app: `team/${client.name}:1`,
    tool: `public/${client.name}:1`,
  }
}

/** The registry's own words, as the clients of containers/image and docker pass them on. */
const unauthorized = {
  crane: /UNAUTHORIZED: authentication required/,
  others: /denied: requested access to the resource is denied/,
}

/** Dockwarden's sentence. @param deed a regular expression */
const denied = (deed: string): RegExp =>
  new RegExp(`bob may not ${deed} \\(request [0-9a-f]{8}-[0-9a-f-]{27}\\)`)

/** Guesses until everybody who is new here has to wait: half a minute for one more try. */
async function useUpTries({ dockwarden }: Site, user: string): Promise<void> {
  const url = `${dockwarden.url}/token?service=registry.example.com`
  for (let network = 0, turnedAway = 0; turnedAway < 3; network += 1) {
    const authorization = `Basic ${Buffer.from(`${user}:guess ${network}`).toString('base64')}`
    // As nginx hands on what it sees.
    const headers = { authorization, 'x-forwarded-for': `10.${network >> 8}.${network & 255}.1` }
    turnedAway = (await fetch(url, { headers })).status === 429 ? turnedAway + 1 : 0
  }
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
    says: { others: denied('push to team/[a-z]+') },
  },
  {
    name: 'push without any right',
    isRefused: true,
    act: ({ bob, app }) => bob.push(makeImage(), app.replace('team/', 'private/')),
    says: { others: denied('push to private/[a-z]+') },
  },
  {
    name: 'pull without the right to',
    isRefused: true,
    act: ({ bob, app }) => bob.pull(app.replace('team/', 'private/')),
    says: { others: denied('pull from private/[a-z]+') },
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
      ...unauthorized,
    },
  },
  {
    name: 'pull after the login that the registry asked for',
    act: async ({ newcomer, app }) => {
      expect((await newcomer.pull(app)).code).not.toBe(0)
      expect(await newcomer.login('bob', passwords.bob)).toMatchObject({ code: 0 })
      return await newcomer.pull(app)
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
    name: 'login after too many wrong passwords',
    isRefused: true,
    act: async ({ site, impostor, tool }) => {
      await useUpTries(site, 'mallory')
      const login = await impostor.login('mallory', 'a guess too many')
      return login.code === 0 ? await impostor.pull(tool) : login
    },
    says: {
      docker: /toomanyrequests: Too many failed logins; try again later/,
      crane: /TOOMANYREQUESTS: Too many failed logins; try again later/,
      others: /too many requests to registry/,
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
    says: { podman: /403 \(Forbidden\)/, others: denied('list the catalog') },
  },
  {
    name: 'delete without the right to',
    needs: 'remove',
    isRefused: true,
    act: ({ bob, app }) => bob.remove?.(app),
    says: { others: denied('delete from team/[a-z]+') },
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
