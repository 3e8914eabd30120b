-- Answers to requests with an Idempotency-Key, so that each of the gateway's processes can give them again.
CREATE TABLE replies (
  identity TEXT PRIMARY KEY, -- a digest of the caller, the path and the key
  digest BLOB NOT NULL, -- of the request's body
  lease TEXT NOT NULL, -- the process that answers or has answered
  wanted_at_s REAL NOT NULL, -- when another process last asked for it, seconds since the epoch
  expires_at_s REAL NOT NULL,
  size INTEGER NOT NULL, -- bytes of the answer; 0 while it is being made
  status INTEGER, -- null while the answer is being made
  headers TEXT, -- pairs of name and value, as JSON
  body BLOB
);

CREATE INDEX replies_by_age ON replies (expires_at_s, size);
