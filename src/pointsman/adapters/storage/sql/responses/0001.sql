-- Answers of /v1/responses, kept for a limited time so that a later request can go on from them.
CREATE TABLE responses (
  owner TEXT NOT NULL, -- the caller's key, by its id; empty where no keys are set
  id TEXT NOT NULL, -- as the caller was told
  expires_at_s REAL NOT NULL, -- seconds since the epoch
  is_private INTEGER NOT NULL, -- 1: its request was private, and so is whatever goes on from it
  body TEXT NOT NULL, -- a JSON object: `input`, the items it was an answer to, and `reply`, the answer
  PRIMARY KEY (owner, id)
);

CREATE INDEX responses_by_expiry ON responses (expires_at_s);
