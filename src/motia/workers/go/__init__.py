"""The Go worker: a program built from the project's step files and the package `motia` beside this file."""
