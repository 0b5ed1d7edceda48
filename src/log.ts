/** What the rest of the program needs of a logger; pino fits it. */
export interface Log {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** Where what would be logged is told in another way. */
export const silentLog: Log = { info() {}, warn() {}, error() {} }
