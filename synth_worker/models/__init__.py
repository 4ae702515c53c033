"""Model folders made from wheels."""
