-- Healths of models and endpoints, shared by the processes of one user. Whoever is well has a row for a minute at most.
CREATE TABLE healths (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, -- in the order they were told; a number is never used twice
  identity TEXT NOT NULL UNIQUE, -- who it is about: a digest of name, address, model and key
  writer TEXT NOT NULL, -- the process that told it
  expires_at_s REAL NOT NULL, -- seconds since the epoch, as all times here
  subject TEXT NOT NULL, -- a model's id or an endpoint's name
  is_endpoint INTEGER NOT NULL,
  state TEXT NOT NULL,
  cause TEXT, -- NULL for one who is well
  since_s REAL NOT NULL,
  until_s REAL, -- NULL where the state has no end of its own
  failures INTEGER NOT NULL,
  share REAL NOT NULL,
  message TEXT -- the endpoint's own words
);

CREATE INDEX healths_by_expiry ON healths (expires_at_s);
