-- Counts changes that a running server has to notice, whoever makes them.
CREATE TABLE change_counts (
  name TEXT NOT NULL PRIMARY KEY,
  changes INTEGER NOT NULL
);
INSERT INTO change_counts (name, changes) VALUES ('password hashes', 0);
