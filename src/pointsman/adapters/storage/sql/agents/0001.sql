-- What a person decided about an agent's tier: a proposal accepted, or rejected. No prompt, no answer.
CREATE TABLE choices (
  owner TEXT NOT NULL, -- the caller's key, by its id; empty where none is needed
  agent TEXT NOT NULL, -- the agent's name
  tier TEXT, -- `simple`, `medium`, `complex`, `reasoning`; null: rejected
  at_s REAL NOT NULL, -- when: seconds since the epoch
  calls INTEGER NOT NULL, -- how many the agent had made by then
  PRIMARY KEY (owner, agent)
) WITHOUT ROWID;
