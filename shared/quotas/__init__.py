"""How often one person may do what makes something permanent, in a time."""
