-- Plain SQL for SQLite and PostgreSQL alike. Each statement ends with a semicolon at the end of a line.
-- Times are text: ISO 8601 in UTC with milliseconds, which sorts as time does.

-- The logins that are kept here. A name that is deleted and made anew gets another id.
CREATE TABLE accounts (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  password_hash TEXT NOT NULL,
  disabled INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);

-- What happens once in the life of a database: a first account that was removed never comes back.
CREATE TABLE set_up_steps (
  name TEXT NOT NULL PRIMARY KEY,
  done_at TEXT NOT NULL
);
