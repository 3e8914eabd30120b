"""One request from decision to answer: decide, plan, attempt, relay or translate, tell the observers."""
