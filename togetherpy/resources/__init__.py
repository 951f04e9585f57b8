"""What a user calls: one file per area of the API."""
