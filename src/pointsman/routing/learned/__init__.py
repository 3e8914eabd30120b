"""The learned classifier: from what a person asks to the kind of task, its difficulty and who would do it well."""
