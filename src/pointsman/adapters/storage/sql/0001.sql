-- One row per request that got a decision, written before the first attempt and completed at its end.
-- The defaults stand where the beginning was lost to overload and only the end was written.
CREATE TABLE requests (
  seq INTEGER PRIMARY KEY, -- the row's number: `writer` × 2³², and from there in order of arrival
  id TEXT NOT NULL UNIQUE, -- the decision's id, as in `x-pointsman-decision-id`
  at_s REAL NOT NULL, -- when it was decided: seconds since the epoch
  writer INTEGER NOT NULL, -- the process that wrote the row: `writers.id`
  outcome TEXT NOT NULL, -- `open`, `ok`, `failed`, `cancelled`, `deadline`, `dry_run`, or `unknown`: the process died first
  client TEXT, -- the user agent's first word
  agent TEXT, -- the agent the caller named
  session TEXT, -- the session the caller named
  key_id TEXT, -- the caller's key, by its id
  surface TEXT NOT NULL DEFAULT '', -- the caller's dialect
  operation TEXT NOT NULL DEFAULT '', -- `chat`, `completions`, `embeddings`
  stream INTEGER NOT NULL DEFAULT 0, -- 1: the answer was asked for as a stream
  asked TEXT, -- the model as the caller wrote it
  routed TEXT NOT NULL DEFAULT '', -- the pool the decision chose
  served TEXT, -- the card that answered
  upstream_model TEXT, -- the model as its endpoint calls it
  is_local INTEGER, -- 1: the card that answered runs on this machine; null: not known
  candidates TEXT, -- card ids in the order they were to be tried: a JSON list
  router TEXT, -- whose tiers were used
  tier TEXT, -- `simple`, `medium`, `complex`, `reasoning`
  score REAL, -- the scorer's figure, 0 to 1
  confidence REAL, -- 0 to 1
  strategy TEXT NOT NULL DEFAULT '', -- who picked
  reason TEXT NOT NULL DEFAULT '', -- why, in a sentence
  is_explicit INTEGER NOT NULL DEFAULT 0, -- 1: the caller insisted on this model
  is_demo INTEGER NOT NULL DEFAULT 0, -- 1: a built-in demo model
  privacy TEXT NOT NULL DEFAULT '', -- `public` or `private`
  privacy_kinds TEXT, -- the kinds of private data found, never the data: a JSON list
  privacy_source TEXT, -- who said so: `header`, `key`, a detector
  struck TEXT, -- models taken out: a JSON list of [model, by, reason]
  trail TEXT, -- the chain's steps: a JSON list of [strategy, outcome, detail, elapsed_us]
  warnings TEXT, -- settings dropped and other remarks: a JSON list
  decision_us REAL NOT NULL DEFAULT 0, -- time the decision took
  estimated_input_tokens INTEGER NOT NULL DEFAULT 0, -- before the call
  turns INTEGER NOT NULL DEFAULT 0, -- messages of the person in the conversation
  n_tools INTEGER NOT NULL DEFAULT 0, -- tools offered
  ask_chars INTEGER NOT NULL DEFAULT 0, -- length of what the person last asked; its text is not kept
  in_tool_loop INTEGER NOT NULL DEFAULT 0, -- 1: the last message was a tool's result
  is_housekeeping INTEGER NOT NULL DEFAULT 0, -- 1: a title, tags or follow-ups for a user interface
  prompt TEXT, -- only when prompt logging is on, and never of a private request
  finished_at_s REAL, -- seconds since the epoch; null while open
  status INTEGER, -- the HTTP status given to the caller
  attempts INTEGER, -- how many were sent
  fallbacks INTEGER, -- how often another model was taken
  input_tokens INTEGER, -- read, with the cached ones
  output_tokens INTEGER, -- written, with the reasoning ones
  cached_input_tokens INTEGER, -- part of input_tokens
  reasoning_tokens INTEGER, -- part of output_tokens
  is_estimated INTEGER, -- 1: the endpoint gave no usage, the tokens are our estimate
  cost_usd REAL, -- null: no price is known
  saved_usd REAL, -- against the baseline; null: not known
  baseline TEXT, -- the model it is compared with
  duration_ms REAL, -- from arrival to the last byte
  first_byte_ms REAL, -- from arrival to the first byte of the answer
  overhead_ms REAL, -- ours: from arrival until the first attempt was sent
  error TEXT -- what the caller was told when it failed
);
CREATE INDEX requests_by_time ON requests (at_s);
CREATE INDEX requests_open ON requests (writer) WHERE outcome = 'open';

-- One row per attempt on one model.
CREATE TABLE attempts (
  request_seq INTEGER NOT NULL, -- `requests.seq`
  number INTEGER NOT NULL, -- from 1
  at_s REAL NOT NULL, -- when it was sent: seconds since the epoch
  model TEXT NOT NULL, -- the card's id
  endpoint TEXT NOT NULL, -- where it was sent
  outcome TEXT NOT NULL, -- `open`, `ok`, `failed`, `cancelled`, `deadline`, `unknown`
  kind TEXT, -- how it failed: `transient`, `terminal`, `context`, …
  status INTEGER, -- the endpoint's HTTP status
  message TEXT, -- the endpoint's own words, shortened
  elapsed_ms REAL, -- until it failed or the request was over
  PRIMARY KEY (request_seq, number)
) WITHOUT ROWID;

-- One row per request that never got a model.
CREATE TABLE rejected (
  seq INTEGER PRIMARY KEY, -- order of arrival in the file
  at_s REAL NOT NULL, -- seconds since the epoch
  decision_id TEXT NOT NULL, -- as told to the caller
  surface TEXT NOT NULL, -- the caller's dialect
  status INTEGER NOT NULL, -- the HTTP status given
  code TEXT NOT NULL, -- the error's code
  message TEXT NOT NULL, -- what the caller was told
  asked TEXT -- the model as the caller wrote it
);
CREATE INDEX rejected_by_time ON rejected (at_s);

-- One row per process that has the file open for writing.
CREATE TABLE writers (
  id INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice
  pid INTEGER NOT NULL, -- for a person to look at; liveness is the lease
  lease TEXT NOT NULL, -- the file beside the ledger that the process keeps locked while it lives
  started_at_s REAL NOT NULL -- seconds since the epoch
);
