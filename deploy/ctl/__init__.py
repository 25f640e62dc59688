"""The operator's commands: `ovationctl`."""
