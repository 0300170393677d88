"""From a project's files to its registry: find, load, normalise, check. `project.discover` does it all."""
