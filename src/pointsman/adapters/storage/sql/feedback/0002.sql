-- Verdicts are on models, and a tier's models share what is learned. What was learned before is of the tier: of no
-- model's name.
ALTER TABLE verdicts ADD COLUMN model TEXT NOT NULL DEFAULT ''; -- the model that answered, by name; empty: unknown

ALTER TABLE beliefs RENAME TO beliefs_of_tiers;
CREATE TABLE beliefs (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, -- in the order they were written; a number is never used twice
  owner TEXT NOT NULL, -- the caller's key, by its id; empty where none is needed
  kind TEXT NOT NULL, -- the kind of task
  tier TEXT NOT NULL, -- `simple`, `medium`, `complex`, `reasoning`
  model TEXT NOT NULL, -- the model's name; empty: of the tier, of no model that is known
  pull REAL NOT NULL,
  information REAL NOT NULL,
  at_s REAL NOT NULL, -- when both were so: they fade from then on
  verdicts INTEGER NOT NULL, -- how many there were
  UNIQUE (owner, kind, tier, model)
);
INSERT INTO beliefs SELECT seq, owner, kind, tier, '', pull, information, at_s, verdicts FROM beliefs_of_tiers;
DROP TABLE beliefs_of_tiers;
