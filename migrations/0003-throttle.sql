-- What is known of failed logins, and who has logged in from where: kept over a restart, and never for long.
-- Keys are digests of accounts, and networks. No password is in here, nor anything made of one.
CREATE TABLE throttle (
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  amount DOUBLE PRECISION NOT NULL,
  -- When nothing is left of it.
  expires_at TEXT NOT NULL,
  PRIMARY KEY (kind, key)
);

CREATE INDEX throttle_expires_at ON throttle (expires_at);
