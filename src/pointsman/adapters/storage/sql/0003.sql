-- What the learned classifier expected of the request.
ALTER TABLE requests ADD COLUMN assessment TEXT /* kind, difficulty, chances by tier, output_tokens, familiarity: a JSON object */;
