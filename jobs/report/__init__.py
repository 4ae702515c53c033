"""What people read of a lake: the page, cards, `why`, `sql`, `funnel`."""
