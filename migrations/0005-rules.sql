-- The rules that are kept here, beside those of the configuration file. Lists are JSON texts of the words
-- that the file would have.
CREATE TABLE rules (
  -- The number of the change that made it, so none is ever given twice.
  id INTEGER NOT NULL PRIMARY KEY,
  name TEXT,
  who TEXT NOT NULL,
  may TEXT NOT NULL,
  may_not TEXT NOT NULL,
  resources TEXT NOT NULL,
  networks TEXT,
  services TEXT,
  -- The first moment at which it speaks, and the first at which it speaks no more.
  starts_at TEXT,
  ends_at TEXT,
  reason TEXT,
  created_at TEXT NOT NULL
);

INSERT INTO change_counts (name, changes) VALUES ('rules', 0);
