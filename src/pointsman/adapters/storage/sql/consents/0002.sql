-- What people have chosen for the rest of their sessions, so that each of the gateway's processes goes by it.
CREATE TABLE choices (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, -- in the order they were told; a number is never used twice
  owner TEXT NOT NULL, -- the caller's key, by its id; empty where no keys are set
  session TEXT NOT NULL, -- as the caller named it
  writer TEXT NOT NULL, -- the process that told it
  expires_at_s REAL NOT NULL, -- seconds since the epoch
  body TEXT NOT NULL, -- which models stand in for which, as a JSON object
  UNIQUE (owner, session)
);

CREATE INDEX choices_by_expiry ON choices (expires_at_s);
