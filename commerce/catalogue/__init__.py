"""Products (SPU) and SKUs, how they are described, and where they are listed."""
