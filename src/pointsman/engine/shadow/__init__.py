"""Shadow mode: a sampled request is put to another model too, once its caller has the answer, and both compared."""
