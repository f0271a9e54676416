"""HTTP: routes prepared once, problem responses, cursors, and the body read strictly."""
