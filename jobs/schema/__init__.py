"""Every table: columns, types, key, meaning; and the map between type systems. No Spark."""
