import { describe, expect, test } from 'vitest'
import { readPasswordHash } from '../../../src/authentication/password/password-hash.ts'

const bcryptTail = 'UhBG0SpKrSUsfAQVIPQ3O.gEpvuYpWU4h3Jup4GzKJi8BeTJ4w0rS'
const sha256Tail = '5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc8'
const sha512Tail =
  'svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjlO/O817G3uBnIFNjnQJuesI68OTLiBFdcbYEdFCoEOfaS35inz1'

describe('a usable hash tells its kind and its effort', () => {
  test.each([
    [`$2a$04$${bcryptTail}`, 'bcrypt', 4],
    [`$2b$10$${bcryptTail}`, 'bcrypt', 10],
    [`$2y$14$${bcryptTail}`, 'bcrypt', 14],
    ['$apr1$saltsalt$J2IfVfZr4sJUOICwIcPGI1', 'apr1', 1],
    ['$apr1$$J2IfVfZr4sJUOICwIcPGI1', 'apr1', 1],
    ['{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=', 'sha1', 1],
    [`$5$saltstring$${sha256Tail}`, 'sha256-crypt', 5000],
    [`$5$rounds=10000$saltstringsaltst$${sha256Tail}`, 'sha256-crypt', 10_000],
    [`$6$saltstring$${sha512Tail}.`, 'sha512-crypt', 5000],
    [`$6$rounds=1000000$s$${sha512Tail}.`, 'sha512-crypt', 1_000_000],
  ])('%s', (text, kind, effort) => {
    expect(readPasswordHash(text)).toEqual({ kind, effort })
  })
})

describe('anything else is unusable, and the reason quotes nothing of it', () => {
  test.each([
    ['', 'no hash'],
    ['secret', 'plain text'],
    ['rqXexS6ZhobKA', 'DES'],
    ['!', 'plain text'],
    ['$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/', 'unknown kind'],
    ['$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7', 'unknown kind'],
    ['$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$RdescudvJCsgt3ub', 'unknown kind'],
    [`$2$10$${bcryptTail}`, 'only $2a$'],
    [`$2x$10$${bcryptTail}`, 'only $2a$'],
    [`$2z$10$${bcryptTail}`, 'only $2a$'],
    [`$2b$03$${bcryptTail}`, 'the lowest is 4'],
    [`$2b$15$${bcryptTail}`, 'above 14'],
    [`$2b$31$${bcryptTail}`, 'above 14'],
    [`$2b$99$${bcryptTail}`, 'above 14'],
    [`$2b$1$${bcryptTail}`, 'damaged'],
    [`$2b$010$${bcryptTail}`, 'damaged'],
    [`$2b$10$${bcryptTail}a`, 'damaged'],
    [`$2b$10$${bcryptTail.slice(1)}`, 'damaged'],
    [`$2b$10$${bcryptTail.slice(1)}\u0000`, 'damaged'],
    [`$2b$10$${bcryptTail}\n`, 'damaged'],
    ['$2b$10$', 'damaged'],
    ['$apr1$saltsalt$tooshort', 'damaged'],
    ['$apr1$saltsaltsalt$J2IfVfZr4sJUOICwIcPGI1', 'damaged'],
    ['{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g', 'damaged'],
    ['{SHA}', 'damaged'],
    [`$5$salt$${sha512Tail}.`, 'damaged'],
    [`$6$salt$${sha256Tail}`, 'damaged'],
    ['$6$salt$', 'damaged'],
    [`$5$rounds=999$salt$${sha256Tail}`, 'the lowest is 1000'],
    [`$5$rounds=1000001$salt$${sha256Tail}`, 'above 1000000'],
    [`$5$rounds=999999999999$salt$${sha256Tail}`, 'damaged'],
    [`$5$rounds=05000$salt$${sha256Tail}`, 'damaged'],
    [`$5$rounds=-1$salt$${sha256Tail}`, 'damaged'],
  ])('%j', (text, reason) => {
    const hash = readPasswordHash(text)
    if (hash.kind !== 'unusable') throw new Error(`taken for ${hash.kind}`)
    expect(hash.reason).toContain(reason)
    if (text.length > 8) expect(hash.reason).not.toContain(text)
  })
})
