/** The question for a password, at a real terminal: `script` runs the program at one of its own. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { command, commandJson } from '../support/command.ts'
import { program, startDockwarden } from '../support/dockwarden.ts'
import { describeWithParts, requirePart } from '../support/parts.ts'
import { type RunningProcess, startProcess } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const secret = 'correct horse battery'

/** Starts a command at a terminal, which afterwards says how it ended and what the terminal is like. */
function atTerminal(folder: string, ...args: readonly string[]): RunningProcess {
  // The shell's own process number is that of the program.
  const line = [process.execPath, program, ...args].map((word) => `'${word}'`).join(' ')
  const shell = `sh -c "echo \\$\\$ > pid; exec ${line}"; echo "exit $?"; stty -a`
  return startProcess(requirePart('script'), ['--quiet', '--command', shell, '/dev/null'], {
    cwd: folder,
    env: { DOCKWARDEN_CONFIG: undefined, SHELL: '/bin/sh' },
  })
}

async function ending(terminal: RunningProcess): Promise<string> {
  const [, code = ''] = await terminal.waitForOutput(/exit (\d+)\r\n/)
  await terminal.waitForOutput(/ echo[\s;]/)
  await terminal.stop('SIGKILL')
  // What a shell needs back: typing is seen, and comes line by line; Ctrl-C is a signal.
  for (const setting of ['echo', 'icanon', 'isig', 'icrnl']) {
    expect(terminal.output).toMatch(new RegExp(`[\\s;]${setting}[\\s;]`))
  }
  return code
}

describeWithParts('a password is asked for at the terminal', ['script'], () => {
  const folder = temporaryFolder('terminal')
  const first = /New password for \w+: /
  const again = /The same again: /

  test('twice, and nothing of it is seen', async () => {
    const terminal = atTerminal(folder, 'user', 'add', 'alice')
    await terminal.waitForOutput(first)
    terminal.type(`${secret}\r`)
    await terminal.waitForOutput(again)
    terminal.type(`${secret}\r`)
    expect(await ending(terminal)).toBe('0')
    expect(terminal.output).toContain('alice is added, in no group')
    expect(terminal.output).not.toMatch(/correct|horse|battery|\*/)
  })

  test('as it was typed: corrected, pasted in one piece, beyond ASCII', async () => {
    const terminal = atTerminal(folder, 'user', 'add', 'bob')
    await terminal.waitForOutput(first)
    const typed = 'nonsense\u0015pässwörter 密码!x\u007f'
    terminal.type(`${typed}\r${typed}\r`)
    expect(await ending(terminal)).toBe('0')
    await using server = await startDockwarden({ folder })
    const login = Buffer.from('bob:pässwörter 密码!').toString('base64')
    const answer = await fetch(`${server.url}/token?service=registry`, {
      headers: { authorization: `Basic ${login}` },
    })
    expect(answer.status).toBe(200)
  })

  test.each([
    ['Ctrl-C at the first question', [], '\u0003'],
    ['Ctrl-C in the middle of a word', ['half'], '\u0003'],
    ['Ctrl-C at the second question', [`${secret}\r`], '\u0003'],
    ['Ctrl-D', [], '\u0004'],
  ])(
    '%s gives up: nothing has changed, and the terminal is as it was',
    async (_name, typed, key) => {
      const terminal = atTerminal(folder, 'user', 'add', 'cleo')
      await terminal.waitForOutput(first)
      for (const text of typed) terminal.type(text)
      if (typed.join().endsWith('\r')) await terminal.waitForOutput(again)
      terminal.type(key)
      expect(await ending(terminal)).toBe('1')
      expect(terminal.output).toContain('given up at the question; nothing has changed')
      expect(terminal.output).not.toMatch(/half|correct/)
      expect((await command(folder, ['user', 'show', 'cleo'])).code).toBe(1)
    },
  )

  test('whoever ends the program from outside leaves the terminal as it was', async () => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const terminal = atTerminal(folder, 'user', 'add', 'cleo')
      await terminal.waitForOutput(first)
      process.kill(Number(readFileSync(join(folder, 'pid'), 'utf8')), signal)
      expect(Number(await ending(terminal))).toBeGreaterThan(0)
    }
  })

  test('a password that somebody has is asked for once', async () => {
    const terminal = atTerminal(folder, 'whoami', 'alice')
    await terminal.waitForOutput(/Password of alice: /)
    terminal.type(`${secret}\r`)
    expect(await ending(terminal)).toBe('0')
    expect(terminal.output).toMatch(/backend +accounts/)
    expect(terminal.output).not.toMatch(/correct|The same again/)
  })

  test('two that differ are refused, and shown nowhere', async () => {
    const terminal = atTerminal(folder, 'user', 'password', 'alice')
    await terminal.waitForOutput(first)
    terminal.type(`${secret}\r${secret}x\r`)
    expect(await ending(terminal)).toBe('1')
    expect(terminal.output).toContain('the two passwords are not the same; nothing has changed')
    expect(terminal.output).not.toContain('correct')
  })

  test('nobody is asked for what would be refused anyway', async () => {
    for (const args of [
      ['user', 'add', 'alice'],
      ['user', 'add', 'Alice'],
      ['user', 'password', 'nobody'],
    ]) {
      const terminal = atTerminal(folder, ...args)
      expect(await ending(terminal)).toBe('1')
      expect(terminal.output).not.toMatch(first)
    }
  })

  test('--password-stdin at a terminal, which would show it, is refused', async () => {
    const terminal = atTerminal(folder, 'user', 'add', 'cleo', '--password-stdin')
    expect(await ending(terminal)).toBe('2')
    expect(terminal.output).toMatch(/standard input is this terminal/)
  })

  test('those who were refused are not there', async () => {
    const names = (await commandJson<{ name: string }[]>(folder, ['user', 'list'])).map(
      ({ name }) => name,
    )
    expect(names).toEqual(['alice', 'bob'])
  })
})
