/** The schema in a real editor's hands: the YAML language server, as editors speak to it. */

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { command } from '../support/command.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

interface Message {
  readonly id?: number
  readonly method?: string
  readonly params?: unknown
  readonly result?: unknown
}

/** Speaks the base protocol (LSP 3.17): JSON-RPC with a Content-Length before each message. */
class Editor {
  readonly #server: ChildProcessWithoutNullStreams
  readonly #heard: Message[] = []
  #waiting: (() => void)[] = []
  #bytes = Buffer.alloc(0)
  #lastId = 0

  constructor(program: string) {
    this.#server = spawn(process.execPath, [program, '--stdio'])
    this.#server.stdout.on('data', (chunk: Buffer) => this.#hear(chunk))
  }

  #hear(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    for (;;) {
      const end = this.#bytes.indexOf('\r\n\r\n')
      const length = Number(/Content-Length: (\d+)/.exec(this.#bytes.toString('latin1'))?.[1])
      if (end === -1 || this.#bytes.length < end + 4 + length) return
      const message = JSON.parse(this.#bytes.toString('utf8', end + 4, end + 4 + length)) as Message
      this.#bytes = this.#bytes.subarray(end + 4 + length)
      // What it asks of an editor: its settings. Ours has none.
      if (message.id !== undefined && message.method !== undefined) {
        this.#write({
          id: message.id,
          result: message.method === 'workspace/configuration' ? [] : null,
        })
      }
      this.#heard.push(message)
      for (const wake of this.#waiting.splice(0)) wake()
    }
  }

  #write(message: object): void {
    const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...message }))
    this.#server.stdin.write(`Content-Length: ${body.length}\r\n\r\n`)
    this.#server.stdin.write(body)
  }

  tell(method: string, params: object): void {
    this.#write({ method, params })
  }

  async ask<Result>(method: string, params: object): Promise<Result> {
    this.#lastId += 1
    const id = this.#lastId
    this.#write({ id, method, params })
    const { result } = await this.hear(
      (message) => message.id === id && message.method === undefined,
    )
    return result as Result
  }

  async hear(isMeant: (message: Message) => boolean): Promise<Message> {
    for (;;) {
      const found = this.#heard.find(isMeant)
      if (found !== undefined) return found
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  close(): void {
    this.#server.kill()
  }
}

const folder = temporaryFolder('editor')
let editor: Editor

beforeAll(async () => {
  const { stdout } = await command(folder, ['schema'])
  writeFileSync(join(folder, 'dockwarden.schema.json'), stdout)
  const manifest = createRequire(import.meta.url).resolve('yaml-language-server/package.json')
  editor = new Editor(join(dirname(manifest), 'bin/yaml-language-server'))
  await editor.ask('initialize', { processId: process.pid, rootUri: null, capabilities: {} })
  editor.tell('initialized', {})
})
afterAll(() => editor?.close())

let documents = 0

/** Opens a file that names the schema in its first line, as docs/operations.md says. */
function open(text: string): { uri: string } {
  documents += 1
  const uri = pathToFileURL(join(folder, `dockwarden-${documents}.yml`)).href
  const whole = `# yaml-language-server: $schema=./dockwarden.schema.json\n${text}`
  editor.tell('textDocument/didOpen', {
    textDocument: { uri, languageId: 'yaml', version: 1, text: whole },
  })
  return { uri }
}

test('it underlines what is wrong, in its line', async () => {
  const { uri } = open(
    'server:\n  lisen: 127.0.0.1:1\nrules:\n  - { who: anyone, may: pul, on: a }\n',
  )
  const { params } = await editor.hear(({ method, params }) => {
    const { uri: of, diagnostics = [] } = (params ?? {}) as {
      uri?: string
      diagnostics?: unknown[]
    }
    return method === 'textDocument/publishDiagnostics' && of === uri && diagnostics.length > 0
  })
  const { diagnostics } = params as {
    diagnostics: { message: string; range: { start: { line: number } } }[]
  }
  expect(diagnostics.map(({ message, range }) => `${range.start.line + 1}: ${message}`)).toEqual([
    '3: Property lisen is not allowed.',
    expect.stringMatching(
      /^5: Value is not accepted\. Valid values: "pull", "push", "delete", "\*"/,
    ),
  ])
})

test('it offers the keys of a section', async () => {
  const textDocument = open('server:\n  \n')
  const { items } = await editor.ask<{ items: { label: string }[] }>('textDocument/completion', {
    textDocument,
    position: { line: 2, character: 2 },
  })
  expect(items.map(({ label }) => label)).toEqual(
    expect.arrayContaining(['listen', 'public_url', 'trusted_proxies']),
  )
})

test('it says what a key means', async () => {
  const textDocument = open('issuer: dockwarden\n')
  const { contents } = await editor.ask<{ contents: { value: string } }>('textDocument/hover', {
    textDocument,
    position: { line: 1, character: 2 },
  })
  expect(contents.value).toContain('REGISTRY\\_AUTH\\_TOKEN\\_ISSUER')
})

test('it has nothing against a rule with all that a rule can hold', async () => {
  const { uri } = open(
    'rules:\n  - { name: a, who: "group:*", may: push, on: "teams/$' +
      '{group}/**", when: { until: 2027-01-01, network: [10.0.0.0/8] } }\n',
  )
  const { params } = await editor.hear(
    ({ method, params }) =>
      method === 'textDocument/publishDiagnostics' && (params as { uri: string }).uri === uri,
  )
  expect(params).toMatchObject({ diagnostics: [] })
})
