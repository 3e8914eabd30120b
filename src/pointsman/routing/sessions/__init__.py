"""A conversation keeps its tier and its model: quickly up, slowly down, none other for a tool's result."""
