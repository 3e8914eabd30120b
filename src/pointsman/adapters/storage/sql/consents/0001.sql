-- Questions to people that wait in one of the gateway's processes, so that another can show and answer them.
CREATE TABLE questions (
  id TEXT PRIMARY KEY,
  owner TEXT NOT NULL, -- the caller's key, by its id; empty where no keys are set
  session TEXT, -- as the caller named it
  forgotten_at_s REAL NOT NULL, -- seconds since the epoch
  body TEXT NOT NULL, -- the question as a JSON object; no prompt is in it
  answer TEXT, -- the person's
  ended TEXT -- how the wait ended; null while it lasts
);

CREATE INDEX questions_by_owner ON questions (owner);
