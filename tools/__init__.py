"""Small programs of the house: installing, the table of rules, the lock."""
