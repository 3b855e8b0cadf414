"""The probes of an audit, one a file, in the order in which they run."""
