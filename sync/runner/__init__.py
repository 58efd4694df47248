"""One cycle, from pull to settle, and the commands built on it. Everything that touches the world."""
