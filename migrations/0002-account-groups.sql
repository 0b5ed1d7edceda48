-- When the password was set last; before this, none could be changed.
ALTER TABLE accounts ADD COLUMN password_changed_at TEXT NOT NULL DEFAULT '';
UPDATE accounts SET password_changed_at = created_at;

-- A group exists while it has a member. Memberships go with the account: a name made anew inherits none.
CREATE TABLE account_groups (
  account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  group_name TEXT NOT NULL,
  PRIMARY KEY (account_id, group_name)
);
CREATE INDEX account_groups_by_group ON account_groups (group_name);
