"""The `motia` command: one file a command. Everything heavy is imported by the command that needs it."""
