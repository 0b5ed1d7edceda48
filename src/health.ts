/** How a part of the server fares, as the part itself tells it. */

/** Where it is not ok, `detail` says why, to the operator alone. */
export type Health = { readonly ok: true } | { readonly ok: false; readonly detail: string }
