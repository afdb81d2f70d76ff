"""The sponsor: describes and funds a task."""
