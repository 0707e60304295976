"""`market-maker evidence`: one document on the controls of a period, for those who have to look at them.

It reads PostgreSQL and the settings of the environment, and writes nothing. It says what was recorded and
makes up nothing that was not.
"""
