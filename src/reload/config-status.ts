/** What the server tells of its configuration: whether it is the newest, and since when it is in force. */

import type { Clock } from '../clock.ts'
import type { PartStatus } from '../http/health-routes.ts'
import type { Metric } from '../http/metrics-routes.ts'

export class ConfigStatus {
  readonly #clock: Clock
  readonly #reloads = { done: 0, refused: 0 }
  #takenAt: Date
  /** Why a newer one is not in force. */
  #fault: string | undefined

  /** Made when the first one is in force. */
  constructor(clock: Clock) {
    this.#clock = clock
    this.#takenAt = clock()
  }

  taken(): void {
    this.#reloads.done += 1
    this.#takenAt = this.#clock()
    this.#fault = undefined
  }

  refused(reason: string): void {
    this.#reloads.refused += 1
    this.#fault = reason
  }

  /** For `/readyz`. */
  part(): PartStatus {
    return this.#fault === undefined ? { state: 'ok' } : { state: 'degraded', detail: this.#fault }
  }

  metrics(): readonly Metric[] {
    return [
      {
        name: 'dockwarden_config_reloads_total',
        help: 'How often the configuration was read anew, and whether it was taken.',
        kind: 'counter',
        read: () =>
          Object.entries(this.#reloads).map(([result, value]) => ({ labels: { result }, value })),
      },
      {
        name: 'dockwarden_config_up_to_date',
        help: '0 while a newer configuration is refused and an older one stays in force.',
        kind: 'gauge',
        read: () => [{ value: this.#fault === undefined ? 1 : 0 }],
      },
      {
        name: 'dockwarden_config_loaded_timestamp_seconds',
        help: 'Since when the configuration is in force.',
        kind: 'gauge',
        read: () => [{ value: this.#takenAt.getTime() / 1000 }],
      },
    ]
  }
}
