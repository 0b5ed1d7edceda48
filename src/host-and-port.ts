/**
 * An address as it stands in a URL, in `server.listen` and in a log: an IPv6 one in brackets (RFC 3986 §3.2.2),
 * without which nobody can tell where it ends and the port begins.
 */
export function hostAndPort(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
