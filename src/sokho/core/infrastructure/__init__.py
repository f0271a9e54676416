"""The database, HTTP and the machine underneath."""
