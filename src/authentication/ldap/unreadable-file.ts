/** Why a file that the configuration names cannot be read, and what to do. */

const advice: Readonly<Record<string, string>> = {
  ENOENT: 'put it there, or correct the path',
  EACCES: 'let the user that the server runs as read it',
  EISDIR: 'it is a folder: name the file in it',
  ENOTFILE: 'it is a pipe or a device: name a file',
}

export function unreadableFile(file: string, error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown fault'
  const fix = advice[code]
  return `${file} cannot be read (${code})${fix === undefined ? '' : `; ${fix}`}`
}
