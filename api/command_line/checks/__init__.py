"""What `seller doctor` looks at: each check answers with findings, and raises nothing."""
