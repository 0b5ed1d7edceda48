/** What is allowed: the entries of a token's `access` claim, and the words they are made of. */

/** Every action that a registry knows on a repository. */
export const repositoryActions = ['pull', 'push', 'delete'] as const
export type RepositoryAction = (typeof repositoryActions)[number]

/** What the registry asks for, on one repository or on the catalog. `*` stands for every action. */
export const actions = [...repositoryActions, '*'] as const
export type Action = (typeof actions)[number]

/** What is allowed on one resource, exactly as it is written into the token. */
export interface Access {
  readonly type: string
  readonly name: string
  readonly actions: readonly Action[]
}

export const maximumNameLength = 255

/**
 * Whether a registry can hold a repository of this name. The scope grammar lets host names be upper
 * case, registries do not: what is signed must be the very string that was authorized.
 *
 * @param name a resource name that is already in the scope grammar
 */
export function isRepositoryName(name: string): boolean {
  return name.length <= maximumNameLength && name === name.toLowerCase()
}
