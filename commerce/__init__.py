"""What the business knows: one folder per noun. No HTTP, no GraphQL."""
