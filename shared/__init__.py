"""
What every service needs identically: the published language, and plumbing.

The test for a file here: could it ship in a library for a pizza shop? Double entry could;
"a gift costs coins" could not. The one exception is contracts/, the language itself.
"""
