"""A code generator for sqlc: typed asyncpg functions and frozen dataclasses.

sqlc parses the schema and the queries and infers every type; this only writes down what it found. It
speaks sqlc's process plugin protocol (JSON form): a request on standard input, files on standard output.
"""
