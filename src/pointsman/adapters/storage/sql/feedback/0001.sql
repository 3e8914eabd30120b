-- What was said of answers, by people and by what happened next. No prompt, no answer.
CREATE TABLE verdicts (
  decision_id TEXT NOT NULL, -- `requests.id` of the ledger
  tier TEXT NOT NULL, -- the tier that answered; empty where nothing was learned
  owner TEXT NOT NULL, -- the caller's key, by its id; empty where none is needed
  kind TEXT NOT NULL, -- the kind of task; empty where nothing was learned
  verdict TEXT NOT NULL, -- `up`, `down`, `tier_up`, `regenerated`, `escalated`
  is_sign INTEGER NOT NULL, -- 1: nobody said it, it was seen
  at_s REAL NOT NULL, -- when: seconds since the epoch
  pull REAL NOT NULL, -- what it added to the belief, to take it back by
  information REAL NOT NULL, -- likewise
  PRIMARY KEY (decision_id, tier)
) WITHOUT ROWID;
CREATE INDEX verdicts_by_time ON verdicts (at_s);
CREATE INDEX verdicts_by_owner ON verdicts (owner);

-- What a caller's verdicts say of each tier's ability at a kind of task: shift = pull / (1 / 0.6² + information).
CREATE TABLE beliefs (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, -- in the order they were written; a number is never used twice
  owner TEXT NOT NULL, -- the caller's key, by its id; empty where none is needed
  kind TEXT NOT NULL, -- the kind of task
  tier TEXT NOT NULL, -- `simple`, `medium`, `complex`, `reasoning`
  pull REAL NOT NULL,
  information REAL NOT NULL,
  at_s REAL NOT NULL, -- when both were so: they fade from then on
  verdicts INTEGER NOT NULL, -- how many there were
  UNIQUE (owner, kind, tier)
);
