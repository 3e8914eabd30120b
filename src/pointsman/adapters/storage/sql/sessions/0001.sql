-- What processes remember of sessions, by hashes: no prompt, no answer, no name of a session or an agent.
CREATE TABLE traces (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, -- in the order they were written; a number is never used twice
  kind TEXT NOT NULL, -- `pin`, `raised`, `answer`
  key BLOB NOT NULL, -- 16 bytes of SHA-256 over the secret, the caller's key, and what the session is known by
  writer TEXT NOT NULL, -- the process, by a random name
  expires_at_s REAL NOT NULL, -- seconds since the epoch
  body TEXT NOT NULL, -- JSON: tiers, the model, counts, times
  UNIQUE (kind, key)
);

-- What the hashes are made with, by all processes that share the file.
CREATE TABLE secrets (
  number INTEGER PRIMARY KEY CHECK (number = 1),
  secret BLOB NOT NULL
);
