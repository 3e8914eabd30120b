-- Five APIs: what a prompt cache took, and the settings that the answering model's API could not carry.
ALTER TABLE requests ADD COLUMN cache_write_tokens INTEGER /* part of input_tokens: written to a prompt cache */;
ALTER TABLE requests ADD COLUMN dropped TEXT /* settings the model's API cannot carry: a JSON list */;
