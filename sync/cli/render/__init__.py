"""What a person sees: tables and sentences on stdout, progress on stderr. Takes JSON-shaped rows, draws with rich, decides nothing.

Every value is escaped (no control characters, no markup): remote data cannot move the cursor or colour the screen.
"""
