/** What a command on the same machine can ask of the server that runs. */

export type ReloadResult =
  | {
      readonly ok: true
      /** The file in force, or that the built-in defaults are. */
      readonly config: string
      readonly services: readonly string[]
      readonly backends: readonly string[]
      /** How many. */
      readonly rules: number
    }
  /** The old configuration stays in force; each reason is one line that names the file and what to do. */
  | { readonly ok: false; readonly reasons: readonly string[] }

export interface ControlOperations {
  /** Reads the configuration anew; resolves once it is in force or refused. */
  readonly reload: () => Promise<ReloadResult>
  /** What was decided about a request; undefined where that is not known, or no longer. */
  readonly decision?: (requestId: string) => object | undefined
}
