"""The views of the dashboard: each draws itself from a snapshot of the store and the filters."""
