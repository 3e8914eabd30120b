-- Copies of requests that another model got as well, and how the answers compare. They are in no other figure.
CREATE TABLE copies (
  seq INTEGER PRIMARY KEY,
  decision_id TEXT NOT NULL UNIQUE, -- `requests.id` of the ledger
  at_s REAL NOT NULL, -- when the copy was over: seconds since the epoch
  key_id TEXT, -- the caller's key, by its id
  kind TEXT, -- of task, as the classifier had it
  tier TEXT, -- that the request was given
  router TEXT,
  surface TEXT NOT NULL, -- the caller's API
  served TEXT NOT NULL, -- the card that answered the caller
  served_is_local INTEGER NOT NULL,
  served_ms REAL NOT NULL, -- from the request's arrival to the end of its answer
  served_input_tokens INTEGER,
  served_output_tokens INTEGER,
  served_cost_usd REAL, -- NULL: no price is known
  shadow TEXT NOT NULL, -- the card that got the copy
  shadow_is_local INTEGER NOT NULL,
  shadow_ms REAL NOT NULL,
  shadow_input_tokens INTEGER,
  shadow_output_tokens INTEGER,
  shadow_cost_usd REAL, -- NULL: no price is known, or nobody knows what was spent
  outcome TEXT NOT NULL, -- `answered`, `failed`, `timeout`, `gave_way`, `stopped`
  failure TEXT, -- its kind
  message TEXT, -- the endpoint's own words, shortened
  verdict TEXT, -- `agrees`, `differs`, `worse`, `better`, `unclear`; NULL: there was no answer
  reasons TEXT NOT NULL DEFAULT '[]', -- JSON, why so
  similarity REAL, -- of the two answers' words, 0..1
  judge TEXT, -- the model that gave the verdict, where one did
  prompt TEXT, -- only with `ledger.log_prompts`, and of public requests; so both answers
  served_text TEXT,
  shadow_text TEXT
);
CREATE INDEX copies_by_time ON copies (at_s);

-- Requests that were drawn and not copied.
CREATE TABLE not_copied (
  day TEXT NOT NULL, -- in UTC, as 2026-11-21
  shadow TEXT NOT NULL, -- the model meant
  reason TEXT NOT NULL, -- `full`, `over_budget`, `too_long`, `not_allowed`, `no_room`, `not_loaded`, `paused`, `not_kept`
  count INTEGER NOT NULL,
  PRIMARY KEY (day, shadow, reason)
) WITHOUT ROWID;

-- What has been spent in a day, what copies under way may cost included.
CREATE TABLE spending (
  day TEXT PRIMARY KEY, -- in UTC
  usd REAL NOT NULL
) WITHOUT ROWID;
